/** Which failures a command is about. */
import type { Config } from '../config-schema.ts';
import type { FailureClass } from '../domain/outcome.ts';
import { openFailureQueue } from '../failure-queue.ts';
import type { FailureMessage, FailureQueue } from '../failure-queue.ts';
import { labelOf } from '../label.ts';
import { CommandError, EXIT } from './context.ts';
import { withRabbit } from './broker.ts';

export interface Selection {
  class?: FailureClass;
  limit?: number;
}

/** The failure queue for as long as `work` takes; what it does not acknowledge goes back. */
export const withFailures = <T>(
  config: Config,
  work: (queue: FailureQueue) => Promise<T>,
): Promise<T> =>
  withRabbit(config, async (connection) => {
    const rules = { ...config.registration, ...config.intake };
    const queue = await openFailureQueue(connection, config.rabbit.failureQueue, rules);
    // Acknowledgements are on the wire by now, and the close comes after them on the same channel.
    return work(queue).finally(() => queue.close().catch(() => {}));
  });

/** Whether it is meant by an argument: registration id, the hash that stands for it, or messageId. */
export const isMeant = (failure: FailureMessage, id: string, config: Config): boolean =>
  failure.messageId === id || failure.id === id || shownId(failure, config) === id;

/** The registration id as it may be shown. */
export const shownId = ({ id }: FailureMessage, config: Config): string | null =>
  id === null ? null : labelOf(id, config);

export const notFound = (id: string): CommandError =>
  new CommandError(
    `There is no failure of "${id}" in the queue. "despachante status ${id}" tells what became of it`,
    EXIT.notFound,
  );
