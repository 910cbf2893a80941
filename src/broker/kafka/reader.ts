/** Fetches from the leaders of the partitions, each broker in a loop with a client of its own, so that none waits for another. */
import { setTimeout as delay } from 'node:timers/promises';
import { Consumer, FetchIsolationLevels, protocolErrorsCodesById } from '@platformatic/kafka';
import { errorFacts, type Log } from '../../runtime/log.ts';
import { insist, within } from '../../runtime/retry.ts';
import { clientOptions, type KafkaOptions } from './connection.ts';
import { NOBODY, type Leaders } from './leaders.ts';
import { lenient } from './lenient.ts';
import type { FetchedPartition } from './records.ts';
import type { Room } from './room.ts';
import type { Watermark } from './watermark.ts';

interface Needs {
  kafka: KafkaOptions;
  topic: string;
  topicId: string;
  group: string;
  room: Room;
  stop: AbortSignal;
  leaders: Leaders;
  /** By partition. */
  marks: ReadonlyMap<number, Watermark>;
  handOut(answer: FetchedPartition): Promise<void>;
  /** The offsets of these are none of the topic. */
  findAgain(partitions: number[]): Promise<void>;
  lost(why: Error): void;
  log: Log;
}

/** How long a broker may wait for the next message before it answers that there is none. */
const LONG_POLL_MS = 1_000;
/** The watchdog: no answer can take that long. */
const LATE_MS = 40_000;
const MOST_BYTES = 4 * 1024 * 1024;
const MOST_BYTES_OF_PARTITION = 1024 * 1024;
/** A partition that its broker does not give is left out for so long, and the others are read on. */
const REST_MS = 500;

export function createReader(needs: Needs) {
  const { kafka, topic, topicId, group, room, stop, marks, leaders, log } = needs;
  /** By node, while there is a loop for it. */
  const clients = new Map<number, Consumer>();
  /** Partitions that their brokers do not give, with the time until which they are left out, by `performance.now()`: the clock may be put back. */
  const resting = new Map<number, number>();

  /** It only fetches: an answer that is waited for holds up whatever else goes over the same connection. */
  function open(node: number): Consumer {
    const fresh = lenient(new Consumer({ ...clientOptions(kafka), groupId: group }));
    fresh.on('error', () => {});
    fresh.topics.track(topic);
    clients.set(node, fresh);
    return fresh;
  }

  const close = (client: Consumer): Promise<void> =>
    within(3_000, 'closing', client.close(true)).catch(() => {});

  function follow(node: number): void {
    if (clients.has(node)) return;
    open(node);
    readAll(node).catch((error: unknown) => {
      if (!stop.aborted) needs.lost(new Error('a loop that reads has ended', { cause: error }));
    });
  }

  async function readAll(node: number): Promise<void> {
    let leads = true;
    while (leads) {
      while (!room.isFree() && !stop.aborted) await room.changed();
      leads = await insist(() => turn(node), { stop, failed: tell });
    }
  }

  /** False when this broker leads none of our partitions any more. After a failure its client begins anew. */
  async function turn(node: number): Promise<boolean> {
    const client = clients.get(node) ?? open(node);
    try {
      const byLeader = await within(LATE_MS, 'metadata', leaders.of(marks.keys()));
      for (const each of byLeader.keys()) follow(each);
      const mine = byLeader.get(node);
      if (mine !== undefined) await read(node, client, mine);
      else {
        clients.delete(node);
        void close(client);
      }
      return mine !== undefined;
    } catch (error) {
      leaders.forget();
      if (!stop.aborted) open(node);
      void close(client);
      throw error;
    }
  }

  async function read(node: number, client: Consumer, mine: number[]): Promise<void> {
    if (node === NOBODY) throw new Error(`no broker leads partition ${mine.join(', ')}`);
    const now = performance.now();
    const due = mine.filter((each) => (resting.get(each) ?? 0) <= now);
    if (due.length === 0) return void (await delay(REST_MS, undefined, { signal: stop }));
    const partitions = due.map((partition) => ({
      partition,
      fetchOffset: marks.get(partition)?.position ?? 0n,
      currentLeaderEpoch: -1,
      lastFetchedEpoch: -1,
      partitionMaxBytes: MOST_BYTES_OF_PARTITION,
    }));
    const fetched = client.fetch({
      node,
      topics: [{ topicId, partitions }],
      maxWaitTime: LONG_POLL_MS,
      minBytes: 1,
      maxBytes: MOST_BYTES,
      isolationLevel: FetchIsolationLevels.READ_COMMITTED,
    });
    const { responses } = await within(LATE_MS, 'a fetch', fetched);
    const answers = responses.flatMap((each) => each.partitions);
    for (const answer of answers.filter(({ errorCode }) => errorCode === 0)) {
      resting.delete(answer.partitionIndex);
      await needs.handOut(answer);
    }
    await leaveOut(answers.filter(({ errorCode }) => errorCode !== 0));
  }

  /** What is wrong with single partitions: a leader has moved, or an offset is none. */
  async function leaveOut(faulty: FetchedPartition[]): Promise<void> {
    if (faulty.length === 0) return;
    leaders.forget();
    const wrong: number[] = [];
    for (const { partitionIndex: partition, errorCode } of faulty) {
      const error = protocolErrorsCodesById[errorCode] ?? String(errorCode);
      if (error === 'OFFSET_OUT_OF_RANGE') wrong.push(partition);
      else if (!resting.has(partition))
        log.warn(
          { runbook: 'broker-away', topic, group, partition, error },
          'Cannot read a partition of Kafka for now',
        );
      resting.set(partition, performance.now() + REST_MS);
    }
    if (wrong.length > 0) await needs.findAgain(wrong);
  }

  function tell(error: unknown, restMs: number): void {
    if (!stop.aborted)
      log.warn(
        { runbook: 'broker-away', ...errorFacts(error), topic, group, restMs },
        'Cannot read from Kafka for now',
      );
  }

  return {
    /** Begins to read what has a mark, and goes on until it is stopped. May be called again, when there are more marks. */
    start: () => follow(NOBODY),
    close: () => Promise.all([...clients.values()].map(close)),
  };
}
