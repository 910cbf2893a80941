/** Is Temporal there, with the namespace and search attributes we use, and does anybody work for our task queue? */
import { isGrpcServiceError, type Client } from '@temporalio/client';
import type { Config } from '../config/schema.ts';
import { startServer, unwell, warning, well, why, type Diagnosis } from './diagnosis.ts';
import { tlsTrouble } from '../net/tls.ts';
import { ATTRIBUTE_IDS, ATTRIBUTE_OUTCOMES } from '../domain/names.ts';
import { GRPC, KEYWORD_LIST, connectTemporal } from '../temporal/client.ts';

/** Never throws. */
export async function diagnoseTemporal(config: Config): Promise<Diagnosis[]> {
  let client: Client;
  try {
    client = await connectTemporal(config);
  } catch (error) {
    const remedy = startServer('Temporal', 'TEMPORAL_ADDRESS to the host and port of its frontend');
    return [unwell('reachable', why(error), tlsTrouble(error, 'temporal') ?? remedy)];
  }
  const { namespace, taskQueue } = config.temporal;
  const asked = async (check: string, ask: () => Promise<Diagnosis>) =>
    client
      .withDeadline(Date.now() + ANSWER_MS, ask)
      .catch((error: unknown) => unwell(check, why(error), 'See the log of Temporal'));
  try {
    const found = [
      await asked('reachable', () => versionOf(client)),
      await asked('namespace', () => namespaceOf(client, namespace)),
    ];
    if (found.some(({ state }) => state === 'unwell')) return found;
    return [
      ...found,
      await asked('search attributes', () => attributes(client, namespace)),
      await asked('task queue', () => pollers(client, namespace, taskQueue)),
    ];
  } finally {
    await client.connection.close();
  }
}

const ANSWER_MS = 10_000;

async function versionOf(client: Client): Promise<Diagnosis> {
  const { serverVersion } = await client.workflowService.getSystemInfo({});
  return well('reachable', `Temporal ${serverVersion ?? 'of an unknown version'}`);
}

async function namespaceOf(client: Client, namespace: string): Promise<Diagnosis> {
  const check = `namespace ${namespace}`;
  try {
    const { config } = await client.workflowService.describeNamespace({ namespace });
    const seconds = Number(config?.workflowExecutionRetentionTtl?.seconds ?? 0);
    return well(check, `there; closed runs are kept for ${Math.round(seconds / 3600)} h`);
  } catch (error) {
    if (!isGrpcServiceError(error) || Number(error.code) !== GRPC.notFound) throw error;
    const remedy = `temporal operator namespace create --namespace ${namespace}, or name another in temporal.namespace`;
    return unwell(check, 'not there', remedy);
  }
}

/** temporal/api/enums/v1/common.proto, INDEXED_VALUE_TYPE_ */
const UNKNOWN = 0;

async function attributes(client: Client, namespace: string): Promise<Diagnosis> {
  const names = [ATTRIBUTE_IDS, ATTRIBUTE_OUTCOMES];
  const check = 'search attributes';
  const { operatorService } = client.connection;
  const { customAttributes } = await operatorService.listSearchAttributes({ namespace });
  const types = names.map((name) => Number(customAttributes?.[name] ?? 0));
  const wrong = names.filter((_, at) => types[at] !== UNKNOWN && types[at] !== KEYWORD_LIST);
  if (wrong.length > 0) {
    const remedy = `Runs cannot start: remove ${wrong.join(' and ')} ("temporal operator search-attribute remove") if nobody else uses it, or use another namespace`;
    return unwell(check, `${wrong.join(' and ')} of another type than KeywordList`, remedy);
  }
  const missing = names.filter((_, at) => types[at] === UNKNOWN);
  if (missing.length === 0) return well(check, names.join(', '));
  const remedy =
    'Nothing, if neither intake nor a worker has ever run: they add them at their start';
  return warning(check, `${missing.join(' and ')} not there yet`, remedy);
}

/** A poller is told of for minutes after it is gone; a live one asks anew within a minute. */
const LIVE_MS = 70_000;

async function pollers(client: Client, namespace: string, taskQueue: string): Promise<Diagnosis> {
  const check = `task queue ${taskQueue}`;
  const { pollers: all } = await client.workflowService.describeTaskQueue({
    namespace,
    taskQueue: { name: taskQueue },
    taskQueueType: WORKFLOW,
  });
  const live = (all ?? []).filter(
    ({ lastAccessTime }) => Date.now() - Number(lastAccessTime?.seconds ?? 0) * 1000 < LIVE_MS,
  );
  const names = new Set(live.map(({ identity }) => identity));
  if (names.size > 0) return well(check, `${names.size} at work: ${[...names].join(', ')}`);
  return warning(check, 'no worker asks for tasks', 'Start one: despachante worker');
}

/** temporal/api/enums/v1/task_queue.proto, TASK_QUEUE_TYPE_WORKFLOW */
const WORKFLOW = 1;
