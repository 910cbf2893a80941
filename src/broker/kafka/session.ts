/** Reading the partitions of one assignment, from the committed offsets on, and committing what is acknowledged. */
import { setTimeout as delay } from 'node:timers/promises';
import { Consumer, ListOffsetTimestamps } from '@platformatic/kafka';
import { every } from '../../runtime/every.ts';
import { errorFacts, type Log } from '../../runtime/log.ts';
import { insist, within } from '../../runtime/retry.ts';
import { redriveOf } from '../redrive.ts';
import type { Delivery } from '../source.ts';
import { clientOptions, errorIds, type KafkaOptions } from './connection.ts';
import { NOBODY, createLeaders } from './leaders.ts';
import { lenient } from './lenient.ts';
import type { Assignment } from './membership.ts';
import { encodeProperties, headerTexts, messageIdOf, propertiesOf } from './message.ts';
import { createReader } from './reader.ts';
import { endOfRecords, recordsOf, type FetchedPartition, type ReadRecord } from './records.ts';
import type { Room } from './room.ts';
import { committable, watermarkAt, type Watermark } from './watermark.ts';

interface Needs {
  kafka: KafkaOptions;
  topic: string;
  topicId: string;
  group: string;
  assignment: Assignment;
  room: Room;
  /** By partition, what was acknowledged in sessions before this one, whether or not the broker has learnt it. */
  settled: Map<number, bigint>;
  /** The topic was made anew a moment ago: what is committed is perhaps of the one before, whose offsets the broker forgets a little later. */
  isAnew: boolean;
  onDelivery(delivery: Delivery): void;
  now(): number;
  log: Log;
  /** The topic is another one than the group has been given partitions of, or this session cannot go on. */
  lost(why: Error): void;
}

export interface Session {
  /** It knows where to read on, in all partitions that have a leader. */
  isReady(): boolean;
  /** Reads no more, waits for acknowledgements of what is held, but not for longer than that, and commits them. Never throws. */
  end(settleMs: number): Promise<void>;
}

const COMMIT_MS = 200;
const CALL_MS = 15_000;
/** Shorter than a member may be silent while it gives up its partitions. */
const COMMITTED_MS = 3_000;
const NOTHING = Buffer.alloc(0);
const FENCED = ['ILLEGAL_GENERATION', 'UNKNOWN_MEMBER_ID', 'REBALANCE_IN_PROGRESS'];

export function startSession(needs: Needs): Session {
  const { kafka, topic, topicId, group, assignment, room, log } = needs;
  const stop = new AbortController();
  const marks = new Map<number, Watermark>();
  /** Acknowledgements count no more. */
  let isOver = false;
  let isReady = false;
  // It speaks for the member, and never joins by itself: a commit that is refused for a rebalance must not begin the next one.
  const clerk = lenient(new Consumer({ ...clientOptions(kafka), groupId: group }));
  clerk.on('error', () => {});
  clerk.memberId = assignment.memberId;
  clerk.generationId = assignment.generationId;
  const leaders = createLeaders(clerk, needs);
  const reader = createReader({ ...needs, stop: stop.signal, leaders, marks, handOut, findAgain });
  const facts = { topic, group };

  const committing = every(COMMIT_MS, commit, log, {
    runbook: 'broker-away',
    failed: `Kafka takes no commits of topic "${topic}"`,
    again: `Kafka takes commits of topic "${topic}" again`,
  });
  insist(read, {
    stop: stop.signal,
    failed: (error, restMs) =>
      log.warn(
        { runbook: 'broker-away', ...errorFacts(error), ...facts, restMs },
        'Kafka does not tell the offsets',
      ),
  }).catch((error: unknown) => {
    if (!stop.signal.aborted) needs.lost(new Error('its offsets are not found', { cause: error }));
  });

  /** Begins with the partitions that have leaders. @throws until all have been begun */
  async function read(): Promise<void> {
    const unknown = assignment.partitions.filter((each) => !marks.has(each));
    const byLeader = await within(CALL_MS, 'metadata', leaders.of(unknown, true));
    const leaderless = byLeader.get(NOBODY) ?? [];
    byLeader.delete(NOBODY);
    const found = await Promise.allSettled([...byLeader.values()].map(findPositions));
    if (marks.size > 0) reader.start();
    isReady ||= marks.size > 0 || assignment.partitions.length === 0;
    for (const each of found) if (each.status === 'rejected') throw each.reason;
    if (leaderless.length > 0)
      throw new Error(`no broker leads partition ${leaderless.join(', ')}`);
  }

  /** From the committed offset, or our own knowledge; from the earliest where there is none, or where it was deleted meanwhile. */
  async function findPositions(partitions: number[]): Promise<void> {
    const [committed, earliest] = await within(
      CALL_MS,
      'the offsets',
      Promise.all([
        clerk.listCommittedOffsets({ topics: [{ topic, partitions }] }),
        offsets(ListOffsetTimestamps.EARLIEST, partitions),
      ]),
    );
    for (const partition of partitions) {
      const first = earliest[partition] ?? 0n;
      const known = needs.isAnew ? -1n : (committed.get(topic)?.[partition] ?? -1n);
      if (known >= 0n && known < first) tellMissed(partition, first - known);
      const settled = needs.settled.get(partition) ?? 0n;
      const from = [known, first, settled].reduce((one, other) => (one > other ? one : other));
      marks.set(partition, watermarkAt(from, known));
    }
  }

  /** After the broker has refused an offset: retention has deleted it, or the log was cut off. */
  async function findAgain(partitions: number[]): Promise<void> {
    const ask = Promise.all([
      offsets(ListOffsetTimestamps.EARLIEST, partitions),
      offsets(ListOffsetTimestamps.LATEST, partitions),
    ]);
    const [earliest, latest] = await within(CALL_MS, 'the offsets', ask);
    for (const partition of partitions) {
      const mark = marks.get(partition);
      const first = earliest[partition] ?? 0n;
      if (mark === undefined) continue;
      if (mark.position >= first && mark.position <= (latest[partition] ?? first)) continue;
      tellMissed(partition, first - mark.position);
      mark.position = first;
      mark.committed = -1n;
    }
  }

  async function offsets(timestamp: bigint, partitions: number[]): Promise<(bigint | undefined)[]> {
    const asked = { topics: [topic], partitions: { [topic]: partitions }, timestamp };
    return (await clerk.listOffsets(asked)).get(topic) ?? [];
  }

  function tellMissed(partition: number, count: bigint): void {
    const place = { ...facts, partition, offsets: Number(count) };
    if (count > 0n)
      log.error(
        { runbook: 'broker-away', ...place },
        'Messages were deleted before they were read: compare retention.ms',
      );
    else
      log.error(
        { runbook: 'broker-away', ...place },
        'The topic ends before what was read of it: it is read from its beginning',
      );
  }

  /** Waits where there is no room; what it has handed out when the session stops is all that was. */
  async function handOut(answer: FetchedPartition): Promise<void> {
    const partition = answer.partitionIndex;
    const mark = marks.get(partition);
    if (mark === undefined) return;
    for (const record of recordsOf(answer, mark.position)) {
      while (!room.isFree() && !stop.signal.aborted) await room.changed();
      if (stop.signal.aborted) return;
      // Read twice while the partition moved from one broker to another.
      if (record.offset < mark.position) continue;
      // Held before it counts as read: whatever fails from here on, it is not committed.
      mark.open.add(record.offset);
      mark.position = record.offset + 1n;
      try {
        needs.onDelivery(deliveryOf(partition, mark, record));
      } catch (error) {
        log.error({ runbook: 'report-a-fault', ...errorFacts(error) }, 'A handler failed');
      }
    }
    const end = endOfRecords(answer) ?? mark.position;
    if (end > mark.position) mark.position = end;
  }

  function deliveryOf(partition: number, { open }: Watermark, record: ReadRecord): Delivery {
    const { offset, timestamp, timestampType, value } = record;
    const { key, headers, isTombstone } = propertiesOf(record);
    const properties = encodeProperties({ key, headers, isTombstone });
    const release = room.take((value?.length ?? 0) + properties.length);
    return {
      body: value ?? NOTHING,
      properties,
      trouble: null,
      ...redriveOf(headerTexts(headers)),
      receivedAt: needs.now(),
      origin: {
        broker: 'kafka',
        ...{ topic, topicId, partition, offset: Number(offset) },
        ...{ timestamp, timestampType, isTombstone },
      },
      key,
      messageId: messageIdOf(headers),
      headers: () => headerTexts(headers),
      ack() {
        if (!isOver) open.delete(offset);
        release();
      },
      release,
      isGone: () => isOver,
    };
  }

  async function commit(): Promise<void> {
    const due = [...marks].flatMap(([partition, mark]) => {
      const offset = committable(mark);
      return offset > mark.committed ? [{ partition, mark, offset }] : [];
    });
    if (due.length === 0) return;
    try {
      const offsets = due.map(({ partition, offset }) => ({
        ...{ topic, partition, offset },
        leaderEpoch: -1,
      }));
      // By name alone it would be taken for a topic that was made anew, whose messages up to there would be left out.
      const isSame = leaders.of([], true);
      const committed = isSame.then(() => clerk.commit({ offsets }));
      await within(COMMITTED_MS, 'a commit', committed);
      for (const { mark, offset } of due) mark.committed = offset;
    } catch (error) {
      // Others have the partitions, or soon will; the member learns it by its heartbeat.
      const ids = errorIds(error);
      if (FENCED.some((id) => ids.has(id))) halt();
      throw error;
    }
  }

  function halt(): void {
    stop.abort(new Error('the partitions were given away'));
    room.wake();
  }

  return {
    isReady: () => isReady && !stop.signal.aborted,
    async end(settleMs) {
      halt();
      await committing.close();
      const late = performance.now() + settleMs;
      while (!room.isEmpty() && performance.now() < late)
        await Promise.race([room.changed(), delay(late - performance.now())]);
      await commit().catch((error: unknown) =>
        log.info({ ...errorFacts(error), ...facts }, 'Kafka took no last commit: some comes again'),
      );
      isOver = true;
      for (const [partition, mark] of marks) needs.settled.set(partition, committable(mark));
      await within(3_000, 'closing', Promise.all([clerk.close(true), reader.close()])).catch(
        () => {},
      );
    },
  };
}
