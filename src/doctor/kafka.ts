/** Are the topics of a worker there, and such as it needs them? */
import type { TopicFacts } from '../broker/kafka/admin.ts';
import type { KafkaOptions } from '../broker/kafka/connection.ts';
import { durationText } from '../config/units.ts';
import { unwell, warning, well, why, type Diagnosis } from './diagnosis.ts';

export interface WorkerTopics {
  source: { topic: string; group: string } | null;
  /** Output and dead letters. */
  published: readonly string[];
  /** Processes that run the worker. Null where that is not known. */
  processes: number | null;
  /** How long claims are kept, ms. */
  claimsLife: number;
}

/** @param kafka how it is reached; throws where that is not said. Never throws. */
export async function diagnoseTopics(
  kafka: () => KafkaOptions,
  { source, published, processes, claimsLife }: WorkerTopics,
): Promise<Diagnosis[]> {
  try {
    const link = kafka();
    const names = [...(source === null ? [] : [source.topic]), ...published];
    const { topicFacts } = await import('../broker/kafka/admin.ts');
    const facts = await topicFacts(link, names);
    const from = source === null ? undefined : facts[0];
    return [
      ...names.flatMap((name, n) => topicDiagnoses(name, facts[n])),
      ...(source === null || from === undefined
        ? []
        : [
            ...sourceDiagnoses(from, processes, claimsLife),
            ...smaller(from, facts.slice(1)),
            await groupDiagnosis(link, source),
          ]),
    ];
  } catch (error) {
    const remedy = 'Start Kafka, or set KAFKA_BOOTSTRAP_SERVERS to where it is';
    return [unwell('Kafka', why(error), remedy)];
  }
}

function topicDiagnoses(name: string, facts: TopicFacts | undefined): Diagnosis[] {
  const check = `topic ${name}`;
  if (facts === undefined)
    return [
      unwell(
        check,
        'is not there',
        '"despachante tasks setup" makes it, with the partitions that you say',
      ),
    ];
  const { partitions, replicationFactor, minInsyncReplicas } = facts;
  if (minInsyncReplicas > replicationFactor)
    return [
      unwell(
        check,
        `min.insync.replicas is ${minInsyncReplicas} and it has ${replicationFactor} replicas: it takes nothing`,
        'Lower min.insync.replicas of the topic, or give it more replicas',
      ),
    ];
  return [well(check, `${partitions} partitions, ${replicationFactor} replicas`)];
}

function sourceDiagnoses(
  { topic, partitions, retentionMs, cleanupPolicy }: TopicFacts,
  processes: number | null,
  claimsLife: number,
): Diagnosis[] {
  const found: Diagnosis[] = [];
  if (processes !== null && processes > partitions)
    found.push(
      warning(
        `partitions of ${topic}`,
        `${processes} processes run the worker, and there are ${partitions} partitions: some take nothing`,
        'Give the topic more partitions, or run fewer processes',
      ),
    );
  if (retentionMs < 0 || retentionMs > claimsLife)
    found.push(
      warning(
        `retention.ms of ${topic}`,
        `${retentionMs < 0 ? 'for ever' : durationText(retentionMs)}, and claims are kept for ${durationText(claimsLife)}: a group that is set back to the beginning has the older messages handled again`,
        'Set mongodb.retention to at least as long, or do not reset the offsets of the group',
      ),
    );
  if (cleanupPolicy.includes('compact'))
    found.push(
      warning(
        `cleanup.policy of ${topic}`,
        `${cleanupPolicy}: Kafka may remove a message before it is read, where a newer one has its key`,
        'Take from a topic with cleanup.policy=delete',
      ),
    );
  return found;
}

const smaller = (source: TopicFacts, others: readonly (TopicFacts | undefined)[]): Diagnosis[] =>
  others.flatMap((other) =>
    other === undefined || other.maxMessageBytes >= source.maxMessageBytes
      ? []
      : [
          warning(
            `max.message.bytes of ${other.topic}`,
            `${other.maxMessageBytes}, and ${source.topic} takes ${source.maxMessageBytes}: a large message may not fit`,
            `Set it to ${source.maxMessageBytes} at least`,
          ),
        ],
  );

async function groupDiagnosis(
  kafka: KafkaOptions,
  { topic, group }: NonNullable<WorkerTopics['source']>,
): Promise<Diagnosis> {
  const check = `group ${group}`;
  const { groupFacts } = await import('../broker/kafka/admin.ts');
  const { protocolType, state, members, partitions } = await groupFacts(kafka, group, topic);
  if (protocolType !== '' && protocolType !== 'consumer')
    return unwell(
      check,
      `is of the type "${protocolType}": another kind of client uses it`,
      'Give the worker another group',
    );
  const others = members.filter(({ clientId }) => !clientId.startsWith(kafka.clientId));
  if (others.length > 0)
    return warning(
      check,
      `has members that are not ours (${others.map(({ clientId }) => clientId).join(', ')}): they get a part of the messages`,
      'Give the worker a group of its own',
    );
  const lag = partitions.reduce((sum, each) => sum + each.lag, 0);
  return well(check, `${state.toLowerCase()}, ${members.length} members, ${lag} messages to read`);
}
