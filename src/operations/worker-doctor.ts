/** Is what a worker takes from and publishes to there, and as it should be? */
import type { QueueSetting } from '../config/queues.ts';
import type { Config } from '../config/schema.ts';
import { listProcesses, runnersOf } from '../coordination/processes.ts';
import type { Diagnosis } from '../doctor/diagnosis.ts';
import { diagnoseTopics } from '../doctor/kafka.ts';
import { diagnoseRabbit } from '../doctor/rabbitmq.ts';
import { openDatabase } from '../mongo/own-database.ts';
import { kafkaLink } from '../tasks/kafka-link.ts';
import { rabbitFor } from '../tasks/rules.ts';
import { placeOf } from '../tasks/runnable.ts';
import type { Worker } from '../workers/worker.ts';
import { part } from './reach.ts';

/** Never throws. */
export async function diagnoseWorker(
  config: Config,
  queues: readonly QueueSetting[],
  worker: Worker,
): Promise<Diagnosis[]> {
  const { name, to } = worker;
  const placed = placeOf(worker, config, queues);
  const { from, deadLetters } = placed;
  const topics = [to, deadLetters].filter((channel) => channel?.broker === 'kafka');
  const isKafka = from.broker === 'kafka';
  const processes = config.ops.enabled ? await part(running(config, name)) : null;
  return [
    ...(from.broker === 'rabbitmq' ? await diagnoseQueues(config, placed) : []),
    ...(isKafka || topics.length > 0
      ? await diagnoseTopics(() => kafkaLink(config, name), {
          source: isKafka ? { topic: from.name, group: from.group ?? name } : null,
          published: topics.flatMap((channel) => channel?.name ?? []),
          processes: processes?.ok === true ? processes.value : null,
          claimsLife: config.mongodb.retention,
        })
      : []),
  ];
}

/** Without that of dead letters, where there is none. */
async function diagnoseQueues(config: Config, placed: ReturnType<typeof placeOf>) {
  const link = rabbitFor(config, placed);
  const without = placed.deadLetters === null ? `queue ${link.rabbit.failureQueue}` : null;
  return (await diagnoseRabbit(link)).filter(({ check }) => check !== without);
}

async function running(config: Config, worker: string): Promise<number> {
  const mongo = await openDatabase(config, 'reader');
  const processes = await listProcesses(mongo.own).finally(() => mongo.close());
  return runnersOf(processes, worker).filter(({ state }) => state === 'alive').length;
}
