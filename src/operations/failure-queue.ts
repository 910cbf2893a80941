/** The failure queue as operators see it: which records they mean, and how those may be shown. */
import type { Config } from '../config/schema.ts';
import { groupOf } from '../domain/failure-group.ts';
import type { RedriveOrder } from '../domain/redrive-order.ts';
import { FAILURE_CLASSES } from '../domain/registrations/outcome.ts';
import {
  openFailureQueue,
  type FailureMessage,
  type FailureQueue,
} from '../broker/rabbitmq/dead-letter-queue.ts';
import { parseRules } from '../registrations/delivery.ts';
import { plainId } from '../domain/registrations/id-type.ts';
import { labelOf } from '../intake/label.ts';
import { withRabbit } from '../registrations/neighbours.ts';

export interface Filters {
  class?: string;
  reason?: ReturnType<typeof reasonFilter>;
  /** A folded reason. */
  group?: string;
  /** ms before now. */
  olderThan?: number;
  newerThan?: number;
}

/** `some text`, whatever its case, or `/a pattern/`, with flags if need be. @throws SyntaxError when it is no pattern */
export function reasonFilter(text: string) {
  const [, pattern, flags] = /^\/(.+)\/([imsu]*)$/s.exec(text) ?? [];
  const regexp = pattern === undefined ? null : new RegExp(pattern, flags);
  const wanted = text.toLowerCase();
  const matches = (reason: string): boolean =>
    regexp === null ? reason.toLowerCase().includes(wanted) : regexp.test(reason);
  return { text, matches };
}

/** The filters of a redrive. */
export const filtersOf = ({
  class: kind,
  reason,
  group = null,
  olderThan,
  newerThan,
}: Pick<RedriveOrder, 'class' | 'reason' | 'group' | 'olderThan' | 'newerThan'>): Filters => ({
  ...(kind === null ? {} : { class: kind }),
  ...(reason === null ? {} : { reason: reasonFilter(reason) }),
  ...(group === null ? {} : { group }),
  ...(olderThan === null ? {} : { olderThan }),
  ...(newerThan === null ? {} : { newerThan }),
});

/**
 * A failure record for our intake queue. Other teams, and other Despachantes, may use the same failure queue: to send a message
 * of theirs to our legacy system would file it there.
 */
export const isOurs = ({ failureClass, origin }: FailureMessage, { rabbit }: Config): boolean =>
  FAILURE_CLASSES.some((each) => each === failureClass) && origin === rabbit.intakeQueue;

/** A record of no known age is neither older nor newer than anything; one without a reason has the empty one. */
export function matcher(
  ids: readonly string[],
  { class: only, reason, group, olderThan, newerThan }: Filters,
  config: Config,
  now = Date.now(),
): (failure: FailureMessage) => boolean {
  return (failure) => {
    if (ids.length > 0 && !ids.some((id) => isMeant(failure, id, config))) return false;
    if (only !== undefined && failure.failureClass !== only) return false;
    if (reason !== undefined && !reason.matches(failure.reason ?? '')) return false;
    if (group !== undefined && group !== groupOf(failure.reason, failure.claim, failure.requestId))
      return false;
    if (olderThan === undefined && newerThan === undefined) return true;
    const at = Date.parse(failure.at ?? '');
    return now - at >= (olderThan ?? -Infinity) && now - at < (newerThan ?? Infinity);
  };
}

/** The failure queue for as long as `work` takes; what it does not acknowledge goes back. */
export const withFailures = <T>(
  config: Config,
  work: (queue: FailureQueue) => Promise<T>,
): Promise<T> =>
  withRabbit(config, async (connection) => {
    const { failureQueue } = config.rabbit;
    const queue = await openFailureQueue(connection, failureQueue, parseRules(config));
    // Acknowledgements are on the wire by now, and the close comes after them on the same channel.
    return work(queue).finally(() => queue.close().catch(() => {}));
  });

/** Whether it is meant by an argument: registration id, name of the record, the hash that stands for it in both, or messageId. */
export const isMeant = (failure: FailureMessage, id: string, config: Config): boolean =>
  failure.id === plainId(id, config.mongodb.matchType) ||
  [failure.name, failure.messageId, shownId(failure, config)].includes(id) ||
  shownText(failure, failure.name, config) === id;

/** The registration id as it may be shown. */
export const shownId = ({ id }: FailureMessage, config: Config): string | null =>
  id === null ? null : labelOf(id, config);

/** A text that may hold the registration id, as it may be shown. */
export const shownText = <Text extends string | null>(
  { id }: FailureMessage,
  text: Text,
  config: Config,
): Text | string =>
  id === null || text === null ? text : text.replaceAll(id, labelOf(id, config));
