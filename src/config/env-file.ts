// The file .env in the current folder: variables that the environment itself does not have.
import { statSync } from 'node:fs';

const ENV_FILE = '.env';
const read = new Set<string>();

/** @throws Error where the file cannot be read */
export function readEnvFile(): void {
  // A folder of that name is an environment of Python's.
  if (statSync(ENV_FILE, { throwIfNoEntry: false })?.isDirectory() !== false) return;
  const before = new Set(Object.keys(process.env));
  process.loadEnvFile(ENV_FILE);
  for (const name of Object.keys(process.env)) if (!before.has(name)) read.add(name);
}

/** Where the value of a variable comes from, for people. */
export const sourceOf = (name: string): string =>
  `${read.has(name) ? ENV_FILE : 'environment'} ${name}`;
