/** Fetches from the leaders of the partitions, each broker in a loop of its own, so that none waits for another. */
import { Consumer, FetchIsolationLevels } from '@platformatic/kafka';
import { errorFacts, type Log } from '../../runtime/log.ts';
import { insist, within } from '../../runtime/retry.ts';
import { clientOptions, errorIds, type KafkaOptions } from './connection.ts';
import type { Assignment } from './membership.ts';
import type { FetchResponse } from './records.ts';
import type { Room } from './room.ts';
import type { Watermark } from './watermark.ts';

interface Needs {
  kafka: KafkaOptions;
  topic: string;
  group: string;
  assignment: Assignment;
  room: Room;
  stop: AbortSignal;
  /** By partition. */
  marks: ReadonlyMap<number, Watermark>;
  handOut(topicId: string, response: FetchResponse): Promise<void>;
  /** An offset of ours is none of the topic. */
  findAgain(): Promise<void>;
  lost(why: Error): void;
  log: Log;
}

/** Leads what has no leader, and at first everything. */
const NOBODY = -1;
/** How long a broker may wait for the next message before it answers that there is none. */
const LONG_POLL_MS = 1_000;
/** The watchdog: no answer can take that long. */
const LATE_MS = 40_000;
const MOST_BYTES = 4 * 1024 * 1024;
const MOST_BYTES_OF_PARTITION = 1024 * 1024;

export function createReader(needs: Needs) {
  const { kafka, topic, group, assignment, room, stop, marks, log } = needs;
  const followed = new Set<number>();
  let current = open();
  /** Of the topic when the session began. */
  let known: { id: string; partitions: number } | null = null;

  /** It only fetches: an answer that is waited for holds up whatever else goes over the same connection. */
  function open(): Consumer {
    const fresh = new Consumer({ ...clientOptions(kafka), groupId: group });
    fresh.on('error', () => {});
    fresh.topics.track(topic);
    return fresh;
  }

  /** After a failure a client begins anew, with nothing that it believed before. */
  async function renew(old: Consumer): Promise<void> {
    // Another loop has been faster.
    if (current !== old) return;
    current = open();
    await within(3_000, 'closing', old.close(true)).catch(() => {});
  }

  async function leaders(asked: Consumer) {
    const { topics } = await within(LATE_MS, 'metadata', asked.metadata({ topics: [topic] }));
    const found = topics.get(topic);
    if (found === undefined) throw new Error(`Kafka knows no topic "${topic}"`);
    const { id, partitionsCount: partitions } = found;
    known ??= { id, partitions };
    if (known.id !== id) needs.lost(new Error(`the topic "${topic}" was made anew`));
    else if (known.partitions !== partitions && assignment.isLeader)
      needs.lost(new Error(`the topic "${topic}" has ${partitions} partitions now`));
    const byLeader = Map.groupBy(marks.keys(), (each) => found.partitions[each]?.leader ?? NOBODY);
    return { id, byLeader };
  }

  function spread(byLeader: ReadonlyMap<number, unknown>): void {
    for (const node of byLeader.keys()) {
      if (followed.has(node)) continue;
      followed.add(node);
      const ended = follow(node).finally(() => followed.delete(node));
      // It fails only when it is stopped.
      ended.catch(() => {});
    }
  }

  async function follow(node: number): Promise<void> {
    while (!stop.aborted) {
      while (!room.isFree() && !stop.aborted) await room.changed();
      if (stop.aborted) return;
      const answer = await insist(() => answerOf(node), { stop, failed: tell });
      if (answer === null) return;
      await needs.handOut(answer.id, answer.response);
    }
  }

  /** Null when this broker leads none of our partitions any more. */
  async function answerOf(node: number): Promise<{ id: string; response: FetchResponse } | null> {
    const client = current;
    try {
      const { id, byLeader } = await leaders(client);
      spread(byLeader);
      const mine = byLeader.get(node) ?? [];
      if (mine.length === 0) return null;
      const partitions = mine.map((partition) => ({
        partition,
        fetchOffset: marks.get(partition)?.position ?? 0n,
        currentLeaderEpoch: -1,
        lastFetchedEpoch: -1,
        partitionMaxBytes: MOST_BYTES_OF_PARTITION,
      }));
      const fetched = client.fetch({
        node,
        topics: [{ topicId: id, partitions }],
        maxWaitTime: LONG_POLL_MS,
        minBytes: 1,
        maxBytes: MOST_BYTES,
        isolationLevel: FetchIsolationLevels.READ_COMMITTED,
      });
      return { id, response: await within(LATE_MS, 'a fetch', fetched) };
    } catch (error) {
      if (errorIds(error).has('OFFSET_OUT_OF_RANGE')) await needs.findAgain();
      if (!stop.aborted) await renew(client);
      throw error;
    }
  }

  function tell(error: unknown, restMs: number): void {
    if (!stop.aborted)
      log.warn({ ...errorFacts(error), topic, group, restMs }, 'Cannot read from Kafka for now');
  }

  return {
    /** Begins to read, and goes on until it is stopped. */
    start: () => spread(new Map([[NOBODY, null]])),
    close: () => current.close(true),
  };
}
