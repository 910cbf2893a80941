/** Temporal as the rest of the program sees it: start a run, ask a run, make the search attributes known. */
import { createHash } from 'node:crypto';
import {
  Client,
  Connection,
  WorkflowExecutionAlreadyStartedError,
  WorkflowNotFoundError,
  WorkflowUpdateFailedError,
  isGrpcServiceError,
} from '@temporalio/client';
import {
  WorkflowIdReusePolicy,
  defineSearchAttributeKey,
  TypedSearchAttributes,
} from '@temporalio/common';
import {
  ATTRIBUTE_BYTES,
  ATTRIBUTE_IDS,
  ATTRIBUTE_OUTCOMES,
  UPDATE_MORE,
  WORKFLOW_TYPE,
} from '../domain/names.ts';
import type { Config } from '../config/schema.ts';
import { dataConverterOf } from './data-converter.ts';
import { errorFacts } from '../runtime/log.ts';
import { handshakeError, readTls, unreachable, withTlsTrouble } from '../net/tls.ts';
import type { RunInput } from '../domain/registrations/run-input.ts';

const itemIds = defineSearchAttributeKey(ATTRIBUTE_IDS, 'KEYWORD_LIST');

/** temporal/api/enums/v1/common.proto, INDEXED_VALUE_TYPE_KEYWORD_LIST. */
export const KEYWORD_LIST = 7;

/** Status codes (grpc.io/docs/guides/status-codes). */
export const GRPC = {
  invalidArgument: 3,
  notFound: 5,
  alreadyExists: 6,
  resourceExhausted: 8,
} as const;

/** @throws Error that names the address, or the file of encryption keys that cannot be read */
export async function connectTemporal(config: Config): Promise<Client> {
  const dataConverter = dataConverterOf(config);
  const connection = Connection.lazy({
    ...connectionOptions(config),
    // gRPC's own limit is two minutes: so long after an outage nobody could start a run.
    channelArgs: { 'grpc.max_reconnect_backoff_ms': 5_000 },
  });
  await connection.ensureConnected().catch(async (error: unknown) => {
    // Else it would try again for ever, and keep the process.
    await connection.close();
    const { temporalAddress: address, temporal } = config;
    const ask = () => handshakeError(address, temporal.tls.serverName, readTls(temporal.tls));
    // gRPC says only that it could not connect.
    const cause = (speaksTls(config) ? await ask() : null) ?? error;
    const why = withTlsTrouble(errorFacts(cause).error, cause, 'temporal');
    const sentence = `Cannot connect to Temporal at ${address}${throughProxy(config)}: ${why}`;
    throw unreachable(sentence, cause, 'temporal');
  });
  return new Client({ connection, namespace: config.temporal.namespace, dataConverter });
}

/** The proxy is seldom meant for gRPC, and nothing else tells that it is in the way. */
const throughProxy = ({ temporalAddress, temporal: { proxyVariable } }: Config): string =>
  proxyVariable === null
    ? ''
    : ` through the proxy of the environment variable ${proxyVariable} (to go without it: no_proxy=${temporalAddress.replace(/:\d+$/, '')})`;

/** For the client's connection and the worker's. @throws Error that names the TLS file that cannot be used */
export function connectionOptions(config: Config) {
  const tls = tlsOf(config);
  const apiKey = config.temporalApiKey;
  // Compressing what never leaves the machine costs CPU for nothing.
  const isLocal = /^(localhost|127\.|\[::1\])/.test(config.temporalAddress);
  return {
    address: config.temporalAddress,
    connectTimeout: 5_000,
    ...(isLocal ? { grpcCompression: { codec: 'none' as const } } : {}),
    ...(tls === null ? {} : { tls }),
    ...(apiKey === null ? {} : { apiKey }),
  };
}

/** Its address does not tell. An API key never goes over a plain connection. */
const speaksTls = ({ temporal: { tls }, temporalApiKey }: Config): boolean =>
  tls.enabled || tls.caFile !== null || tls.certFile !== null || temporalApiKey !== null;

/** Null: the connection is plain. */
function tlsOf(config: Config) {
  if (!speaksTls(config)) return null;
  const { serverName, ...files } = config.temporal.tls;
  const { ca, cert, key } = readTls(files);
  return {
    ...(ca === undefined ? {} : { serverRootCACertificate: ca }),
    ...(cert === undefined || key === undefined ? {} : { clientCertPair: { crt: cert, key } }),
    ...(serverName === null ? {} : { serverNameOverride: serverName }),
  };
}

/** Makes the search attributes known to the namespace. @throws Error that says how to add them by hand when we may not */
export async function registerSearchAttributes(client: Client): Promise<void> {
  const { namespace } = client.options;
  const known = await client.connection.operatorService.listSearchAttributes({ namespace });
  const missing = [ATTRIBUTE_IDS, ATTRIBUTE_OUTCOMES].filter(
    (name) => known.customAttributes?.[name] === undefined,
  );
  if (missing.length === 0) return;
  try {
    await client.connection.operatorService.addSearchAttributes({
      namespace,
      searchAttributes: Object.fromEntries(missing.map((name) => [name, KEYWORD_LIST])),
    });
  } catch (error) {
    if (isGrpcServiceError(error) && Number(error.code) === GRPC.alreadyExists) return;
    const commands = missing.map(
      (name) => `temporal operator search-attribute create --name ${name} --type KeywordList`,
    );
    throw new Error(
      `The search attributes ${missing.join(', ')} are missing and could not be added (${errorFacts(error).error}). By hand: ${commands.join('; ')}`,
      { cause: error },
    );
  }
}

/** `full`: the lane takes none of them for now. */
export type StartResult = 'started' | 'too-large' | 'full';

export interface NewRun {
  /** Of the workflow. */
  type: string;
  workflowId: string;
  taskQueue: string;
  input: object;
  /** Its items, as people may see them. */
  labels: string[];
  /** There is one under this id for ever: it takes more while it is open. */
  isLane?: boolean;
  /** The input for a lane that has died: what it has left. Null: nothing. */
  left?: () => Promise<object | null>;
  /** What one of them is called, and several. */
  nouns: [string, string];
}

const RPC_MS = 10_000;

/**
 * Starts a run; one that was started under this id already is the same. `too-large`: Temporal refuses this input whatever we do,
 * so the batch must be split. A lane that is open is handed the input instead; one that has died is begun with what it has left,
 * and takes more then.
 * @throws what the client throws when Temporal could not be asked: the caller tries again with the same id
 */
export async function startRun(client: Client, run: NewRun): Promise<StartResult> {
  const { type, workflowId, taskQueue, input, labels, nouns, isLane = false } = run;
  const reuse = WorkflowIdReusePolicy[isLane ? 'ALLOW_DUPLICATE' : 'REJECT_DUPLICATE'];
  let left: object | null = null;
  try {
    if (isLane && (await isHandedTo(client, workflowId, input))) return 'started';
    left = (await run.left?.()) ?? null;
    await client.withDeadline(Date.now() + RPC_MS, () =>
      client.workflow.start(type, {
        args: [left ?? input],
        taskQueue,
        workflowId,
        workflowIdReusePolicy: reuse,
        staticSummary: summaryOf(labels, nouns),
        typedSearchAttributes: idsWithin(labels),
      }),
    );
    return left === null ? 'started' : 'full';
  } catch (error) {
    // A lane that another process has opened meanwhile is asked again.
    if (error instanceof WorkflowExecutionAlreadyStartedError) return isLane ? 'full' : 'started';
    if (error instanceof WorkflowUpdateFailedError || (isLane && isCrowded(error))) return 'full';
    // What is left is no fault of what comes.
    if (left === null && isTooLarge(error)) return 'too-large';
    throw error;
  }
}

/** False: it is not open. @throws WorkflowUpdateFailedError when it takes nothing for now */
async function isHandedTo(client: Client, workflowId: string, input: object): Promise<boolean> {
  // Asked again after a lost answer, it is the same hand-over.
  const updateId = createHash('sha256').update(JSON.stringify(input)).digest('hex');
  try {
    await client.withDeadline(Date.now() + RPC_MS, () =>
      client.workflow.getHandle(workflowId).executeUpdate(UPDATE_MORE, { args: [input], updateId }),
    );
    return true;
  } catch (error) {
    if (error instanceof WorkflowNotFoundError) return false;
    throw error;
  }
}

/** The same for registrations. */
export const startRegistrations = (
  client: Client,
  { temporal }: Config,
  workflowId: string,
  input: RunInput,
): Promise<StartResult> =>
  startRun(client, {
    type: WORKFLOW_TYPE,
    workflowId,
    taskQueue: temporal.taskQueue,
    input,
    labels: input.registrations.map(({ label }) => label),
    nouns: ['registration', 'registrations'],
  });

const summaryOf = (labels: string[], [one, several]: [string, string]): string =>
  labels.length === 0
    ? several
    : labels.length === 1
      ? `${one} ${(labels[0] ?? '').slice(0, 150)}`
      : `${labels.length} ${several}, ${(labels[0] ?? '').slice(0, 100)} … ${(labels.at(-1) ?? '').slice(0, 100)}`;

/** The ids, if they fit: a longer list would have the whole start refused. `despachante status` always knows. */
function idsWithin(labels: string[]): TypedSearchAttributes {
  const fits = Buffer.byteLength(JSON.stringify(labels)) <= ATTRIBUTE_BYTES;
  return new TypedSearchAttributes(
    fits && labels.length > 0 ? [{ key: itemIds, value: labels }] : [],
  );
}

const causeOf = (error: unknown): unknown =>
  error instanceof Error ? (error.cause ?? error) : error;

/** Temporal keeps ten hand-overs that a lane has not answered, and says "limit" of the next one. */
export function isCrowded(error: unknown): boolean {
  const cause = causeOf(error);
  return isGrpcServiceError(cause) && /in-flight updates/i.test(cause.message);
}

function isTooLarge(error: unknown): boolean {
  const cause = causeOf(error);
  if (!isGrpcServiceError(cause)) return false;
  const code = Number(cause.code);
  // Invalid may also mean a search attribute or a namespace that is not there: that is no fault of the messages, and they
  // must not end in the failure queue for it.
  const isAboutSize = /size|large|length|exceed|limit/i.test(cause.message);
  const isAboutSetup = /search attribute|namespace|task queue/i.test(cause.message);
  const mayBe = code === GRPC.invalidArgument || code === GRPC.resourceExhausted;
  return mayBe && isAboutSize && !isAboutSetup && !/rate limit|rps/i.test(cause.message);
}
