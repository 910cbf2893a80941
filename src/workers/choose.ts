/** Which of the workers that were found are meant. */
import { didYouMean, nearestName } from '../domain/nearest-name.ts';
import { WorkersNotLoadedError, type Found } from './discover.ts';
import { classOf } from './from-class.ts';
import type { ClassForm } from './words.ts';
import type { Worker } from './worker.ts';

/** A worker, its class, or its name. */
export type Named = string | Worker | (new () => ClassForm);

export class UnknownWorkerError extends RangeError {
  override readonly name = 'UnknownWorkerError';
}

/** @throws UnknownWorkerError with the name that was probably meant */
export function findWorker(named: Named, found: readonly Found[]): Found {
  const { name } = typeof named === 'string' ? { name: named } : named;
  const known =
    found.find(({ worker }) => worker === named || classOf(worker) === named) ??
    found.find(({ worker }) => worker.name === name);
  if (known !== undefined) return known;
  const names = found.map(({ worker }) => worker.name).sort();
  const hint = didYouMean(nearestName(name, names)) ?? `there are: ${names.join(', ') || 'none'}`;
  const remedy =
    typeof named === 'string'
      ? ''
      : '. Its handler runs in a process of its own, which loads the file that exports it: name that file';
  throw new UnknownWorkerError(`No worker has the name ${name} (${hint})${remedy}`);
}

/**
 * @param named null for all
 * @param paths where they were looked for, for the error
 * @throws WorkersNotLoadedError where there is none; UnknownWorkerError
 */
export function chooseFrom(
  found: readonly Found[],
  named: readonly Named[] | null,
  paths: readonly string[],
): Found[] {
  if (found.length === 0)
    throw new WorkersNotLoadedError(
      `No worker is in ${paths.join(', ')}: a file there exports defineWorker({...}), see docs/how-to/write-a-worker.md`,
    );
  return named === null ? [...found] : [...new Set(named.map((each) => findWorker(each, found)))];
}
