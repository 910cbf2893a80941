/** The workers that this process has loaded. */
import { findWorker } from './choose.ts';
import { discover, type Discovered, type Found } from './discover.ts';
import type { Worker } from './worker.ts';

let loaded: readonly Found[] = [];

/**
 * Loads the workers of these folders, files and globs, `workers` unless others are given. They take the place of those that were
 * loaded before.
 * @throws WorkersNotLoadedError where two workers have one name, or (unless `skipBroken`) a file cannot be loaded
 */
export async function loadWorkers(
  paths: readonly string[] = ['workers'],
  options: { skipBroken?: boolean } = {},
): Promise<Discovered> {
  const discovered = await discover(paths, options);
  loaded = discovered.found;
  return discovered;
}

export const listWorkers = (): string[] => loaded.map(({ worker }) => worker.name).sort();

export const getAllWorkers = (): Worker[] => loaded.map(({ worker }) => worker);

/** @throws UnknownWorkerError where no worker of this name is loaded */
export const getWorker = (name: string): Worker => findWorker(name, loaded).worker;
