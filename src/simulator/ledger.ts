// The ledger: what the simulated system accepted and answered, append-only. It is the truth for audits, and by it a
// restarted simulator knows yesterday's registrations. Kept whole in memory; in the file one JSON object a line.
import { type FileHandle, open } from 'node:fs/promises';
import { z } from 'zod';

const at = z.int(); // epoch milliseconds
const accepted = z.strictObject({
  at,
  event: z.literal('accepted'),
  id: z.string(),
  requestId: z.string(),
  idempotencyKey: z.string().nullable(),
  /** null when it never finishes */
  doneAt: z.int().nullable(),
  final: z.enum(['done', 'failed', 'never']),
  reason: z.string().optional(),
});
const entrySchema = z.discriminatedUnion('event', [
  accepted,
  /** 4xx; id null when the body had none that could be read */
  z.strictObject({
    at,
    event: z.literal('refused'),
    id: z.string().nullable(),
    status: z.int(),
    reason: z.string(),
  }),
  z.strictObject({ at, event: z.literal('not-accepted'), id: z.string(), status: z.int() }),
  /** requestId null when the layer itself never learned whether the core accepted */
  z.strictObject({
    at,
    event: z.literal('answer-lost'),
    id: z.string(),
    requestId: z.string().nullable(),
  }),
  /** the first GET that saw the end */
  z.strictObject({
    at,
    event: z.literal('finished-seen'),
    requestId: z.string(),
    status: z.enum(['done', 'failed']),
  }),
]);

export type LedgerEntry = z.infer<typeof entrySchema>;

export interface Ledger {
  entries(): readonly LedgerEntry[];
  /** Throws an Error when an earlier entry could not be written: a ledger with holes would be no truth. */
  append(entry: LedgerEntry): void;
  /** Calls back for every entry, those already there first. */
  follow(observer: (entry: LedgerEntry) => void): void;
  /** Writes what is still in memory; throws when the file could not be written. */
  close(): Promise<void>;
}

/** Longest time an entry stays in memory only, milliseconds. */
const flushMs = 50;

/**
 * @param file path of the JSON lines, created when absent; null keeps the ledger in memory only.
 * @throws Error when the file cannot be opened, or a line of it is no ledger entry. A torn last line (the process was
 * killed while writing) is cut off.
 */
export async function openLedger(file: string | null): Promise<Ledger> {
  const handle = file === null ? null : await openFile(file);
  const entries = handle === null || file === null ? [] : await readEntries(handle, file);
  const observers: ((entry: LedgerEntry) => void)[] = [];
  let unwritten: string[] = [];
  let timer: NodeJS.Timeout | null = null;
  let writing: Promise<void> = Promise.resolve();
  let fault: Error | null = null;

  const flush = (): Promise<void> => {
    timer = null;
    writing = writing.then(async () => {
      const text = unwritten.join('');
      unwritten = [];
      if (handle === null || text === '' || fault !== null) return;
      try {
        await handle.appendFile(text);
      } catch (cause) {
        fault = new Error(`the ledger ${file} cannot be written: ${String(cause)}`, { cause });
      }
    });
    return writing;
  };

  return {
    entries: () => entries,
    append(entry) {
      if (fault !== null) throw fault;
      entries.push(entry);
      for (const observer of observers) observer(entry);
      if (handle === null) return;
      unwritten.push(JSON.stringify(entry) + '\n');
      timer ??= setTimeout(() => void flush(), flushMs);
    },
    follow(observer) {
      entries.forEach(observer);
      observers.push(observer);
    },
    async close() {
      if (timer !== null) clearTimeout(timer);
      await flush();
      await handle?.close();
      if (fault !== null) throw fault;
    },
  };
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
  const bytes = await handle.readFile();
  const whole = bytes.lastIndexOf(0x0a) + 1;
  if (whole < bytes.length) await handle.truncate(whole);
  const lines = bytes.subarray(0, whole).toString().split('\n').slice(0, -1);
  return lines.map((line, index) => {
    const entry = parseEntry(line);
    if (entry !== null) return entry;
    const remedy = 'give another file, or move this one away';
    throw new Error(`${file}:${index + 1}: not an entry of a simulator's ledger; ${remedy}`);
  });
}

function parseEntry(line: string): LedgerEntry | null {
  try {
    return entrySchema.safeParse(JSON.parse(line)).data ?? null;
  } catch {
    return null;
  }
}
