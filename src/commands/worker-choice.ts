/** Which workers a command is about. */
import type { Config } from '../config/schema.ts';
import { WorkersNotLoadedError, discover, type Found } from '../workers/discover.ts';
import { watchImports } from '../workers/import-watch.ts';
import { didYouMean, nearestName } from '../domain/nearest-name.ts';
import { CommandError, EXIT } from './context.ts';

export interface Folders {
  workers?: string[];
  skipBroken?: boolean;
  queues?: string;
}

export const foldersOf = (options: Folders, { tasks }: Pick<Config, 'tasks'>) => ({
  paths: options.workers ?? [tasks.folder],
  skipBroken: options.skipBroken === true,
});

/** Loads all workers. @throws CommandError that names each file at fault */
export async function load({
  paths,
  skipBroken,
}: ReturnType<typeof foldersOf>): Promise<{ found: Found[]; broken: string[] }> {
  const { begins, close } = watchImports();
  try {
    return await discover(paths, { skipBroken, begins });
  } catch (error) {
    if (!(error instanceof WorkersNotLoadedError)) throw error;
    throw new CommandError(error.message, EXIT.usage);
  } finally {
    await close();
  }
}

/** @throws CommandError where one is missing, or none is named */
export async function chosen(
  names: readonly string[],
  all: boolean,
  folders: ReturnType<typeof foldersOf>,
): Promise<Found[]> {
  const { found } = await load(folders);
  if (found.length === 0)
    throw new CommandError(
      `No worker is in ${folders.paths.join(', ')}: a file there exports defineWorker({...}), see docs/workers.md`,
      EXIT.usage,
    );
  if (all) return found;
  if (names.length === 0)
    throw new CommandError(`Name a worker, or say --all: ${namesOf(found).join(', ')}`, EXIT.usage);
  return [...new Set(names)].map((name) => one(name, found));
}

export function one(name: string, found: readonly Found[]): Found {
  const worker = found.find((each) => each.worker.name === name);
  if (worker !== undefined) return worker;
  const names = namesOf(found);
  const hint = didYouMean(nearestName(name, names)) ?? `there are: ${names.join(', ') || 'none'}`;
  throw new CommandError(`No worker has the name ${name} (${hint})`, EXIT.notFound);
}

const namesOf = (found: readonly Found[]): string[] =>
  found.map(({ worker }) => worker.name).sort();
