// Faults of a file with a schema of its own (queues.yaml, folders.yaml), each with its line.
import type { z } from 'zod';
import { didYouMean, sameName } from '../domain/nearest-name.ts';
import { ConfigError, shown, shownKey, withHint, type Fault } from './faults.ts';
import type { ConfigFile } from './file.ts';
import { valueAt } from './tree.ts';

type Path = readonly PropertyKey[];

export interface Written extends ConfigFile {
  /** Named where no line is known. */
  name: string;
  /** The keys that may stand at a place. */
  keysAt: (path: Path) => readonly string[];
  /** Whether the value there may be shown: an address may have a password in it. */
  isOpen: (path: Path) => boolean;
}

/** @throws ConfigError with every fault of the file at once */
export function readWritten<S extends z.ZodType>(schema: S, written: Written): z.output<S> {
  const read = schema.safeParse(written.values);
  const faults = [
    ...written.faults,
    ...(read.error?.issues ?? []).flatMap((issue) => faultsOf(issue, written)),
  ];
  if (!read.success || faults.length > 0) throw new ConfigError(faults);
  return read.data;
}

function faultsOf(issue: z.core.$ZodIssue, written: Written): Fault[] {
  if (issue.code !== 'unrecognized_keys') {
    const value = valueAt(written.values, issue.path);
    return [faultAt(written, issue.path, issue.message, shown(value, written.isOpen(issue.path)))];
  }
  const keys = written.keysAt(issue.path);
  return issue.keys.map((key) => {
    const path = [...issue.path, key];
    const where = written.place(path, 'key') ?? written.name;
    const expected = `one of the keys ${keys.join(', ')}`;
    const fault = { where, path: textOf(path), expected, got: 'a key that is not known' };
    return withHint(fault, didYouMean(sameName(key, keys)));
  });
}

export const faultAt = (written: Written, path: Path, expected: string, got: string): Fault => ({
  where: written.place(path, 'value') ?? written.place(path.slice(0, -1), 'value') ?? written.name,
  path: textOf(path),
  expected,
  got,
});

const textOf = (path: Path): string => path.map(shownKey).join('.');
