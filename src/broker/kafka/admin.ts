/** What the set-up and the doctor ask of topics and groups. Each call has a connection of its own. */
import {
  Admin,
  ConfigResourceTypes,
  ListOffsetTimestamps,
  type ClusterTopicMetadata,
} from '@platformatic/kafka';
import { within } from '../../runtime/retry.ts';
import { clientOptions, errorIds, kafkaError, type KafkaOptions } from './connection.ts';
import { lenient } from './lenient.ts';

export interface TopicFacts {
  topic: string;
  topicId: string;
  partitions: number;
  /** The lowest of its partitions. */
  replicationFactor: number;
  minInsyncReplicas: number;
  /** ms; -1: for ever. */
  retentionMs: number;
  cleanupPolicy: string;
  maxMessageBytes: number;
  compressionType: string;
}

export interface PartitionLag {
  partition: number;
  /** Null: the group has committed nothing, and begins at the earliest. */
  committed: number | null;
  earliest: number;
  end: number;
  /** Messages that the group has still to read, at most: offsets have holes. */
  lag: number;
}

export interface GroupFacts {
  /** Kafka's word: Stable, Empty, PreparingRebalance …; Dead where nobody has ever been a member. */
  state: string;
  /** `consumer` for groups of the classic protocol; empty where there is none. */
  protocolType: string;
  members: { clientId: string; host: string }[];
  partitions: PartitionLag[];
}

const CALL_MS = 15_000;
const SETTINGS = [
  ...['min.insync.replicas', 'retention.ms', 'cleanup.policy', 'max.message.bytes'],
  'compression.type',
];

/** @throws Error with the broker's address, the cause and the remedy; BrokerRefusal when trying again is of no use */
async function withAdmin<T>(
  kafka: KafkaOptions,
  what: string,
  work: (admin: Admin) => Promise<T>,
): Promise<T> {
  const admin = lenient(new Admin({ ...clientOptions(kafka), retries: 2, retryDelay: 250 }));
  admin.on('error', () => {});
  try {
    return await within(CALL_MS, what, work(admin));
  } catch (error) {
    throw kafkaError(error, kafka, what);
  } finally {
    await within(3_000, 'closing', admin.close()).catch(() => {});
  }
}

/** In the order of their names; undefined for a topic that does not exist. */
export const topicFacts = (
  kafka: KafkaOptions,
  topics: readonly string[],
): Promise<(TopicFacts | undefined)[]> =>
  withAdmin(kafka, 'read the settings of topics', (admin) =>
    Promise.all(topics.map((topic) => factsOf(admin, topic))),
  );

async function factsOf(admin: Admin, topic: string): Promise<TopicFacts | undefined> {
  const found = await metadataOf(admin, topic);
  if (found === undefined) return undefined;
  const [described] = await admin.describeConfigs({
    resources: [
      {
        resourceType: ConfigResourceTypes.TOPIC,
        resourceName: topic,
        configurationKeys: SETTINGS,
      },
    ],
  });
  const setting = (name: string): string =>
    described?.configs.find((each) => each.name === name)?.value ?? '';
  return {
    topic,
    topicId: found.id,
    partitions: found.partitionsCount,
    replicationFactor: Math.min(...found.partitions.map(({ replicas }) => replicas.length)),
    minInsyncReplicas: Number(setting('min.insync.replicas')),
    retentionMs: Number(setting('retention.ms')),
    cleanupPolicy: setting('cleanup.policy'),
    maxMessageBytes: Number(setting('max.message.bytes')),
    compressionType: setting('compression.type'),
  };
}

async function metadataOf(admin: Admin, topic: string): Promise<ClusterTopicMetadata | undefined> {
  try {
    return (await admin.metadata({ topics: [topic] })).topics.get(topic);
  } catch (error) {
    if (error instanceof Error && error.message.startsWith('Unknown topic')) return undefined;
    throw error;
  }
}

/** -1 for partitions or replicas: as the broker does it by itself. `settings` are Kafka's, such as `retention.ms`. */
export const createTopic = (
  kafka: KafkaOptions,
  {
    topic,
    partitions = -1,
    replicationFactor = -1,
    settings = {},
  }: {
    topic: string;
    partitions?: number;
    replicationFactor?: number;
    settings?: Record<string, string>;
  },
): Promise<'created' | 'exists'> =>
  withAdmin(kafka, `create the topic "${topic}"`, async (admin) => {
    try {
      await admin.createTopics({
        topics: [topic],
        partitions,
        replicas: replicationFactor,
        configs: Object.entries(settings).map(([name, value]) => ({ name, value })),
      });
      return 'created';
    } catch (error) {
      if (errorIds(error).has('TOPIC_ALREADY_EXISTS')) return 'exists';
      throw error;
    }
  });

/** @throws as `withAdmin`, also where the topic does not exist */
export const groupFacts = (
  kafka: KafkaOptions,
  group: string,
  topic: string,
): Promise<GroupFacts> =>
  withAdmin(kafka, `read the lag of the group "${group}"`, async (admin) => {
    const count =
      (await admin.metadata({ topics: [topic] })).topics.get(topic)?.partitionsCount ?? 0;
    const indexes = Array.from({ length: count }, (_, partition) => partition);
    const [described, committed, earliest, end] = await Promise.all([
      admin.describeGroups({ groups: [group] }).then(
        (groups) => groups.get(group),
        (error: unknown) => {
          if (errorIds(error).has('GROUP_ID_NOT_FOUND')) return undefined;
          throw error;
        },
      ),
      admin.listConsumerGroupOffsets({
        groups: [{ groupId: group, topics: [{ name: topic, partitionIndexes: indexes }] }],
      }),
      offsetsAt(admin, topic, indexes, ListOffsetTimestamps.EARLIEST),
      offsetsAt(admin, topic, indexes, ListOffsetTimestamps.LATEST),
    ]);
    const offsets = new Map(
      committed
        .flatMap(({ topics }) => topics)
        .filter(({ name }) => name === topic)
        .flatMap(({ partitions }) => partitions)
        .map(({ partitionIndex, committedOffset }) => [partitionIndex, Number(committedOffset)]),
    );
    return {
      state: described?.state ?? 'Dead',
      protocolType: described?.protocolType ?? '',
      members: [...(described?.members.values() ?? [])].map(({ clientId, clientHost: host }) => ({
        ...{ clientId, host },
      })),
      partitions: indexes.map((partition) =>
        lagOf(partition, offsets.get(partition) ?? -1, earliest.get(partition), end.get(partition)),
      ),
    };
  });

async function offsetsAt(admin: Admin, name: string, indexes: number[], timestamp: bigint) {
  const partitions = indexes.map((partitionIndex) => ({ partitionIndex, timestamp }));
  const listed = await admin.listOffsets({ topics: [{ name, partitions }] });
  return new Map(
    listed
      .flatMap((topic) => topic.partitions)
      .map(({ partitionIndex, offset }) => [partitionIndex, Number(offset)]),
  );
}

function lagOf(partition: number, committed: number, earliest = 0, end = 0): PartitionLag {
  const from = Math.max(committed, earliest);
  return {
    partition,
    committed: committed < 0 ? null : committed,
    earliest,
    end,
    lag: Math.max(0, end - from),
  };
}
