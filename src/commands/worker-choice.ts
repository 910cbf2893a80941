/** Which workers a command is about. */
import { readQueues } from '../config/queues.ts';
import type { Config } from '../config/schema.ts';
import { placeOf, type Placed } from '../tasks/runnable.ts';
import { chooseFrom, UnknownWorkerError } from '../workers/choose.ts';
import {
  WorkersNotLoadedError,
  discover,
  type Discovered,
  type Found,
} from '../workers/discover.ts';
import { discoverAll } from '../workers/webhooks.ts';
import { watchImports } from '../workers/import-watch.ts';
import { CommandError, EXIT } from './exit.ts';

export interface Folders {
  workers?: string[];
  skipBroken?: boolean;
  queues?: string;
}

export const foldersOf = (options: Folders, { tasks }: Pick<Config, 'tasks'>) => ({
  paths: options.workers ?? null,
  folder: tasks.folder,
  skipBroken: options.skipBroken === true,
  queues: options.queues,
});

/** Faults of workers as a command line ends with them. @throws CommandError */
export async function told<T>(work: () => T | Promise<T>): Promise<T> {
  try {
    return await work();
  } catch (error) {
    if (error instanceof UnknownWorkerError) throw new CommandError(error.message, EXIT.notFound);
    if (error instanceof WorkersNotLoadedError) throw new CommandError(error.message, EXIT.usage);
    throw error;
  }
}

/** Loads all workers. @throws CommandError that names each file at fault */
export async function load(from: ReturnType<typeof foldersOf>): Promise<Discovered> {
  const { skipBroken } = from;
  const { begins, close } = watchImports();
  return told(() =>
    discoverAll(readQueues(from.queues), from, (paths) => discover(paths, { skipBroken, begins })),
  ).finally(close);
}

/** @throws CommandError where one is missing, or none is named */
export async function chosen(
  names: readonly string[],
  all: boolean,
  folders: ReturnType<typeof foldersOf>,
): Promise<Found[]> {
  const { found } = await load(folders);
  if (!all && names.length === 0 && found.length > 0) {
    const known = found.map(({ worker }) => worker.name).sort();
    throw new CommandError(`Name a worker, or say --all: ${known.join(', ')}`, EXIT.usage);
  }
  return told(() => chooseFrom(found, all ? null : names, folders.paths ?? [folders.folder]));
}

/** Where a worker takes from and its letters go; null where its file is not here. */
export async function placedWorker(
  name: string,
  options: Folders,
  config: Config,
): Promise<Placed | null> {
  const queues = readQueues(options.queues);
  const here = await discoverAll(queues, foldersOf(options, config), (paths) =>
    discover(paths, { skipBroken: true }),
  ).catch((error: unknown) => {
    if (error instanceof WorkersNotLoadedError) return null;
    throw error;
  });
  const worker = here?.found.find((each) => each.worker.name === name)?.worker;
  return worker === undefined ? null : placeOf(worker, config, queues);
}
