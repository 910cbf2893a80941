/** One member of a consumer group, by the classic protocol, which the broker gives partitions to and takes them from. */
import { Consumer, cooperativeStickyAssigner } from '@platformatic/kafka';
import { restBefore } from '../../domain/backoff.ts';
import { errorFacts, type Log } from '../../runtime/log.ts';
import { within } from '../../runtime/retry.ts';
import { clientOptions, type KafkaOptions } from './connection.ts';
import { lenient } from './lenient.ts';

/** The partitions that are ours in one generation of the group, until the next. */
export interface Assignment {
  memberId: string;
  generationId: number;
  partitions: readonly number[];
}

interface Needs {
  kafka: KafkaOptions;
  topic: string;
  group: string;
  /** After so long without a sign of life the group gives its partitions to others, ms; brokers allow 6 s and more. */
  sessionMs: number;
  log: Log;
  /** The partitions are about to be given away: what was taken from them is to be finished. Must not throw. */
  givesUp(): Promise<void>;
  joined(assignment: Assignment): void;
  /** It is a member no longer, and does not become one again by itself. */
  lost(why: Error): void;
}

const JOIN_MS = 60_000;
/** A broker that comes back sooner finds the member as it was. */
const STALLED_MS = 120_000;
const BACKOFF = { kind: 'exponential', initial: 100, longest: 3_000 } as const;

/**
 * Resolves when it has joined for the first time. Of a broker that is away it waits for the return; what it cannot mend by itself it
 * tells by `lost`.
 * @throws what the library throws
 */
export async function joinGroup(needs: Needs): Promise<{ leave: () => Promise<void> }> {
  const { kafka, topic, group, sessionMs, log } = needs;
  const member = lenient(
    new Consumer({
      ...clientOptions(kafka),
      groupId: group,
      // A member that gives up would leave its partitions to nobody until its session ends.
      retries: true,
      retryDelay: (_client, _operation, attempt) => restBefore(BACKOFF, attempt),
      sessionTimeout: sessionMs,
      rebalanceTimeout: 3 * sessionMs,
      heartbeatInterval: Math.min(1_000, sessionMs / 6),
      heartbeatStallTimeout: STALLED_MS,
      // By what each member subscribes to. The library's default gives the leader's topics to all, and those of the others to nobody.
      partitionAssigner: (leader, members, _ofLeader, metadata) =>
        cooperativeStickyAssigner(leader, members, new Set(metadata.topics.keys()), metadata),
      // Asked for before each join, and waited for: so what is in hand can be finished while it is still ours.
      async protocolsMetadata(): Promise<Buffer> {
        await needs.givesUp();
        // Whoever leads gives out the partitions that there are now, also of topics that only others read.
        member.clearMetadata();
        return Buffer.alloc(0);
      },
    }),
  );
  // A join that was under way may still be answered.
  let hasLeft = false;
  const lost = (why: Error): void => {
    if (!hasLeft) needs.lost(why);
  };
  member.on('error', lost);
  member.on('consumer:heartbeat:stalled', ({ lastError }) =>
    lost(new Error('no heartbeat was answered for long', { cause: lastError })),
  );
  member.on('consumer:heartbeat:error', ({ error }) =>
    log.warn(
      { runbook: 'broker-away', ...errorFacts(error), topic, group },
      'Kafka does not answer a heartbeat',
    ),
  );
  member.on('consumer:group:join', ({ memberId, generationId = 0, assignments }) => {
    const partitions = assignments?.find((each) => each.topic === topic)?.partitions ?? [];
    if (!hasLeft) needs.joined({ memberId, generationId, partitions });
  });
  const leave = async (): Promise<void> => {
    hasLeft = true;
    await within(3_000, 'leaving the group', member.close(true)).catch(() => {});
  };
  member.topics.track(topic);
  try {
    await within(JOIN_MS, `joining the group "${group}"`, member.joinGroup({}));
  } catch (error) {
    await leave();
    throw error;
  }
  return { leave };
}
