/** A topic as a source, for one member of a consumer group that comes back after whatever has ended it. */
import { errorFacts, type Log } from '../../runtime/log.ts';
import { insist, within } from '../../runtime/retry.ts';
import { BrokerRefusal } from '../refusals.ts';
import type { OpenSource } from '../source.ts';
import { topicFacts } from './admin.ts';
import { answeringFirst } from './bootstrap.ts';
import { kafkaError, type KafkaOptions } from './connection.ts';
import { joinGroup, type Assignment } from './membership.ts';
import { createRoom } from './room.ts';
import { startSession, type Session } from './session.ts';

export interface KafkaSourceOptions {
  kafka: KafkaOptions;
  topic: string;
  /** Its members share the partitions of their topic. It may have members with other topics. */
  group: string;
  log: Log;
  /** Messages that are held at once, unacknowledged. */
  prefetch?: number;
  /** Bytes that are held at once, with headers. A single larger message still comes through. */
  mostHeldBytes?: number;
  /** After so long without a sign of life the group gives its partitions to others, ms. */
  sessionMs?: number;
  /**
   * How long partitions that are given away wait for acknowledgements of what was taken from them, ms: each that comes in time is one
   * repeat less. Shorter than a session, of which no signs of life are given meanwhile.
   */
  settleMs?: number;
  now?: () => number;
  /** Aborted: a group that was never joined is not tried any more. */
  giveUp?: AbortSignal | undefined;
}

/**
 * Messages come at least once, in the order of their offsets within a partition, from the earliest where the group has committed nothing.
 * What is acknowledged is committed within 200 ms, up to the oldest message of its partition that is not: whatever is
 * released instead stays there, and it and all behind it come again when the partition is given out anew. Of a rebalance, members that
 * still live finish what they hold before they give it away. Aborted transactions are not shown.
 *
 * Opening it resolves when the group was joined.
 * @throws BrokerRefusal when it is opened: the user, the topic, or a right is missing. Later these are logged and tried again.
 */
export function createKafkaSource({
  kafka: given,
  topic,
  group,
  log,
  prefetch = 1_000,
  mostHeldBytes = 32 * 1024 * 1024,
  sessionMs = 10_000,
  settleMs = 2_000,
  now = Date.now,
  giveUp,
}: KafkaSourceOptions): OpenSource {
  return async (onDelivery) => {
    const stop = new AbortController();
    const room = createRoom({ messages: prefetch, bytes: mostHeldBytes });
    const settled = new Map<number, bigint>();
    /** Of the topic that these are of. */
    let topicId = '';
    let session: Session | null = null;
    let kafka = given;

    const endSession = async (settleMs: number): Promise<void> => {
      const ending = session;
      session = null;
      await ending?.end(settleMs);
    };

    /** The promise is wrapped, since an async function would wait for it. */
    const open = async (): Promise<{ gone: Promise<Error>; leave: () => Promise<void> }> => {
      const { promise: gone, resolve } = Promise.withResolvers<Error>();
      let isAnew = false;
      let isLost = false;
      const lost = (why: Error): void => {
        isLost = true;
        resolve(why);
      };
      const begin = (assignment: Assignment): void => {
        // The member still lives, and may join again, until it has left: nobody would end that session.
        if (isLost) return;
        log.info(
          { topic, group, partitions: assignment.partitions.length },
          'Kafka has given out partitions',
        );
        const place = { kafka, topic, topicId, isAnew, group, assignment };
        session = startSession({ ...place, room, settled, onDelivery, now, log, lost });
        isAnew = false;
      };
      try {
        kafka = await answeringFirst(given);
        const [facts] = await topicFacts(kafka, [topic]);
        if (facts === undefined)
          throw new BrokerRefusal(`Kafka has no topic "${topic}". ${CREATE}`);
        isAnew = topicId !== '' && facts.topicId !== topicId;
        if (isAnew) settled.clear();
        topicId = facts.topicId;
        const member = await joinGroup({
          ...{ kafka, topic, group, sessionMs, log, lost },
          givesUp: () => endSession(settleMs),
          joined: begin,
        });
        return { gone, leave: member.leave };
      } catch (error) {
        await endSession(0);
        if (error instanceof BrokerRefusal) throw error;
        throw kafkaError(error, kafka, `join the group "${group}"`);
      }
    };

    const keep = (isFinal: (error: unknown) => boolean, until = stop.signal) =>
      insist(open, {
        stop: until,
        isFinal,
        failed: (error, restMs) =>
          log.warn(
            { runbook: 'broker-away', ...errorFacts(error), topic, group, restMs },
            'Cannot join a group of Kafka',
          ),
      });

    let link = await keep((error) => error instanceof BrokerRefusal, giveUp);
    const watch = async (): Promise<void> => {
      const stopped = aborted(stop.signal);
      for (;;) {
        const why = await Promise.race([link.gone, stopped]);
        await endSession(0);
        await link.leave();
        if (stop.signal.aborted) return;
        log.warn(
          { runbook: 'broker-away', ...errorFacts(why), topic, group },
          'A group of Kafka was lost',
        );
        link = await keep(() => false);
      }
    };
    const ended = watch().catch((error: unknown) => {
      if (!stop.signal.aborted)
        log.error({ runbook: 'broker-away', ...errorFacts(error) }, 'Stopped reading from Kafka');
    });

    return {
      pause: () => Promise.resolve(room.shut()),
      resume: () => Promise.resolve(room.open()),
      isReady: () => session?.isReady() ?? false,
      async close() {
        stop.abort(new Error('closed by us'));
        await within(15_000, 'leaving the group', ended).catch(() => {});
      },
    };
  };
}

const CREATE = 'Create it, or correct its name';

const aborted = (signal: AbortSignal): Promise<Error> =>
  new Promise((resolve) => signal.addEventListener('abort', () => resolve(new Error('closed'))));
