/** Names that a completion script asks for while somebody types. Nothing is said where a file or a server cannot be read. */
import { Console } from 'node:console';
import { setTimeout as delay } from 'node:timers/promises';
import type { Command } from 'commander';
import { readFolders } from '../config/folders.ts';
import { readQueues } from '../config/queues.ts';
import { load } from './context.ts';

const LONGEST_MS = 2_000;
/** Shells expand what they are given to choose from: an id of somebody else must not be a command there. */
const HARMLESS = /^[\w.:@+-]+$/;

type Read = (command: Command) => Promise<string[]>;

const workers: Read = async (command) => {
  const { discover } = await import('../workers/discover.ts');
  const { discoverAll } = await import('../workers/webhooks.ts');
  const { folder } = load(command).config.tasks;
  const { found } = await discoverAll(readQueues(undefined), { paths: null, folder }, (paths) =>
    discover(paths, { skipBroken: true }),
  );
  return found.map(({ worker }) => worker.name);
};

const folders: Read = () =>
  Promise.resolve((readFolders(undefined)?.folders ?? []).map(({ name }) => name));

const NAMES = {
  workers,
  /** Whose failures can be listed: a folder is a worker, too. */
  sources: async (command) => {
    const read = await Promise.allSettled([workers(command), folders(command)]);
    return read.flatMap((each) => (each.status === 'fulfilled' ? each.value : []));
  },
  async settings() {
    const { readSettings } = await import('../config/reference.ts');
    return readSettings().map(({ path }) => path);
  },
  async doubts(command) {
    const { withStore } = await import('../registrations/neighbours.ts');
    const { readDoubts } = await import('../operations/decide.ts');
    const { config } = load(command);
    return withStore(config, async (store) =>
      (await readDoubts(config, store)).map(({ id }) => id),
    );
  },
} satisfies Record<string, Read>;

export type Asked = keyof typeof NAMES;
export const isAsked = (word: string): word is Asked => Object.hasOwn(NAMES, word);

export async function namesOf(asked: Asked, command: Command): Promise<string[]> {
  // A file of workers may print while it is imported, and what is printed here is taken for a name.
  globalThis.console = new Console(process.stderr);
  const late = delay(LONGEST_MS, []);
  const names = await Promise.race([NAMES[asked](command), late]).catch(() => []);
  return names.filter((name) => HARMLESS.test(name));
}
