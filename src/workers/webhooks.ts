/** Queues of queues.yaml that have a handler there are workers, without any code. */
import { QUEUES_FILE, type QueueSetting } from '../config/queues.ts';
import { existsSync } from 'node:fs';
import {
  discover,
  duplicates,
  WorkersNotLoadedError,
  type Discovered,
  type Found,
} from './discover.ts';
import { made } from './worker.ts';

const OPEN = { max: null, kind: null, initial: null, longest: null, jitter: null };

const webhooksOf = (queues: readonly QueueSetting[]): Found[] =>
  queues.flatMap(({ type, name, worker, consumer, handler }) =>
    handler === null || !consumer
      ? []
      : {
          file: QUEUES_FILE,
          http: handler,
          worker: made({
            name: worker ?? nameOf(name),
            from: { broker: type, name },
            ...{ to: null, deadLetters: null, isOrdered: false, isolate: true },
            ...{ concurrency: handler.concurrency, timeout: null, retry: OPEN },
            result: { keepFor: null, keepFailuresFor: null },
            work: { kind: 'one', schema: null, handle: () => undefined },
            hooks: {},
          }),
        },
  );

/** A worker's name begins with a letter, and has only some of the characters of a queue's. */
const nameOf = (queue: string): string =>
  queue
    .replaceAll(/[^\w.-]/g, '-')
    .replace(/^(?![A-Za-z])/, 'q')
    .slice(0, 80);

/**
 * Workers of files, and those of queues.yaml.
 * @param paths null: those of the folder, which need not be there where queues.yaml has some
 * @throws WorkersNotLoadedError as `discover`
 */
export async function discoverAll(
  queues: readonly QueueSetting[],
  { paths, folder }: { paths: readonly string[] | null; folder: string },
  load: (paths: readonly string[]) => Promise<Discovered> = discover,
): Promise<Discovered> {
  const webhooks = webhooksOf(queues);
  const isWithout = paths === null && webhooks.length > 0 && !existsSync(folder);
  const { found, broken } = isWithout ? { found: [], broken: [] } : await load(paths ?? [folder]);
  const all = [...found, ...webhooks];
  const faults = duplicates(all);
  if (faults.length > 0) throw new WorkersNotLoadedError(faults.join('\n'));
  return { found: all, broken };
}
