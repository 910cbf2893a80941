// The ledger's file: JSON lines, read at the start and appended to.
import { type FileHandle, open } from 'node:fs/promises';
import { createLedger, entrySchema, type Ledger, type LedgerEntry } from './ledger.ts';

/**
 * @param system for which it is kept: said in the first line of a new file; null says nothing
 * @param file path of the JSON lines, created when absent; null keeps the ledger in memory only
 * @throws Error when the file cannot be opened, or a line of it is no ledger entry, or it is kept for
 * another system. A torn last line (the process was
 * killed while it wrote) is cut off.
 */
export async function openLedger(
  file: string | null,
  system: string | null = null,
): Promise<Ledger> {
  if (file === null) return createLedger([], null);
  const handle = await openFile(file);
  try {
    const entries = await readEntries(handle, file);
    const [first] = entries;
    if (system !== null && first?.event === 'system' && first.system !== system) {
      throw new Error(
        `the ledger ${file} is kept for the system ${first.system}, not for ${system}; give another path`,
      );
    }
    const ledger = createLedger(entries, {
      append: (text) => handle.appendFile(text),
      close: () => handle.close(),
    });
    if (system !== null && first === undefined) {
      ledger.append({ at: Date.now(), event: 'system', system });
    }
    return ledger;
  } catch (error) {
    await handle.close();
    throw error;
  }
}

async function openFile(file: string): Promise<FileHandle> {
  try {
    return await open(file, 'a+');
  } catch (cause) {
    const remedy = 'give a path in a folder that exists and can be written';
    throw new Error(`cannot open the ledger ${file}: ${String(cause)}; ${remedy}`, { cause });
  }
}

async function readEntries(handle: FileHandle, file: string): Promise<LedgerEntry[]> {
  const status = await handle.stat();
  // A device or a pipe has no end to read to.
  if (!status.isFile()) throw new Error(`the ledger ${file} is no regular file; give another path`);
  const bytes = await handle.readFile();
  const whole = bytes.lastIndexOf(0x0a) + 1;
  const lines = bytes.subarray(0, whole).toString().split('\n').slice(0, -1);
  const rest = bytes.subarray(whole).toString();
  if (!rest.startsWith(beginning.slice(0, rest.length))) lines.push(rest); // not torn: not ours
  const entries = lines.map((line, index) => {
    const entry = parseEntry(line);
    if (entry !== null) return entry;
    const remedy = 'give another file, or move this one away';
    throw new Error(`${file}:${index + 1}: not an entry of a simulator's ledger; ${remedy}`);
  });
  if (rest !== '') await handle.truncate(whole);
  return entries;
}

/** How every entry begins, so that a torn one can be told from the last line of somebody's notes. */
const beginning = '{"at":';

function parseEntry(line: string): LedgerEntry | null {
  try {
    return entrySchema.safeParse(JSON.parse(line)).data ?? null;
  } catch {
    return null;
  }
}
