/** Looking for distinctive secrets: as they are, in hex, and in base64 wherever they begin there. */
import { createReadStream, existsSync, readFileSync, readdirSync } from 'node:fs';

/** The forms in which a text may lie in a file or a message. */
export function formsOf(text: string): string[] {
  const bytes = Buffer.from(text);
  const encoded = [0, 1, 2].map((shift) =>
    Buffer.concat([Buffer.alloc(shift), bytes])
      .toString('base64')
      // What the bytes before and behind it have a share in is cut off.
      .slice(shift === 0 ? 0 : shift + 1)
      .replace(/.{0,2}=*$/, ''),
  );
  return [text, bytes.toString('hex'), ...encoded];
}

/** What stands around the first place where a mark is found in a text; null when it is nowhere. */
export function findIn(text: string, mark: string): string | null {
  for (const form of formsOf(mark)) {
    const at = text.indexOf(form);
    if (at >= 0) return text.slice(Math.max(0, at - 80), at + 120);
  }
  return null;
}

/** The same for files of any size. */
export async function findInFiles(files: string[], mark: string): Promise<string | null> {
  const forms = formsOf(mark).map((form) => Buffer.from(form));
  const overlap = Math.max(...forms.map(({ length }) => length));
  for (const file of files.filter((each) => existsSync(each))) {
    let tail = Buffer.alloc(0);
    for await (const chunk of createReadStream(file, { highWaterMark: 4 << 20 })) {
      const bytes = Buffer.concat([tail, chunk as Buffer]);
      for (const form of forms) {
        const at = bytes.indexOf(form);
        if (at >= 0) return `${file}: ${bytes.toString('latin1', Math.max(0, at - 80), at + 120)}`;
      }
      tail = bytes.subarray(-overlap);
    }
  }
  return null;
}

/**
 * The files in which the development server that listens on an address keeps its data. Empty where they are not known: on
 * another system than Linux, or with another kind of server.
 */
export function temporalFiles(address: string): string[] {
  const port = address.split(':').at(-1);
  if (process.platform !== 'linux') return [];
  for (const pid of readdirSync('/proc').filter((name) => /^\d+$/.test(name))) {
    const words = commandLine(pid);
    const value = (option: string) => words[words.indexOf(option) + 1];
    if (!words.includes('--db-filename') || value('--port') !== port) continue;
    const file = value('--db-filename');
    return file === undefined ? [] : [file, `${file}-wal`];
  }
  return [];
}

function commandLine(pid: string): string[] {
  try {
    return readFileSync(`/proc/${pid}/cmdline`, 'utf8').split('\0');
  } catch {
    return []; // gone, or somebody else's
  }
}
