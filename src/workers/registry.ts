/** The workers that this process has loaded. */
import { didYouMean, nearestName } from '../domain/nearest-name.ts';
import { discover, type Discovered } from './discover.ts';
import type { Worker } from './worker.ts';

const loaded = new Map<string, Worker>();

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
  loaded.clear();
  for (const { worker } of discovered.found) loaded.set(worker.name, worker);
  return discovered;
}

export const listWorkers = (): string[] => [...loaded.keys()].sort();

export const getAllWorkers = (): Worker[] => [...loaded.values()];

/** @throws RangeError where no worker of this name is loaded */
export function getWorker(name: string): Worker {
  const worker = loaded.get(name);
  if (worker !== undefined) return worker;
  const names = listWorkers();
  const hint = didYouMean(nearestName(name, names)) ?? `loaded are: ${names.join(', ') || 'none'}`;
  throw new RangeError(`no worker has the name ${name} (${hint})`);
}
