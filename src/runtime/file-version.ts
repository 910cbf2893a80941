/** Which version of a file is there, without reading it. */
import { statSync } from 'node:fs';

/** A text that changes with each edit, also of an editor that writes a new file; "away" where there is none. */
export function versionOf(file: string): string {
  try {
    const { mtimeMs, ino, size } = statSync(file);
    return `${mtimeMs} ${ino} ${size}`;
  } catch {
    return 'away';
  }
}
