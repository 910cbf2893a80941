/** Asking Temporal about runs, and telling one what an operator has decided. */
import {
  WorkflowNotFoundError,
  WorkflowUpdateFailedError,
  WorkflowUpdateRPCTimeoutOrCancelledError,
  isGrpcServiceError,
  type Client,
} from '@temporalio/client';
import type { Payload } from '@temporalio/common';
import type proto from '@temporalio/proto';
import { decodeFromPayloadsAtIndex } from '@temporalio/common/lib/internal-non-workflow/index.js';
import { z } from 'zod';
import { isIn, type NewRegistration } from '../domain/registrations/item.ts';
import type { Brought, RunLife } from '../domain/run-life.ts';
import type { NewTask, TaskRunInput } from '../domain/tasks.ts';
import { QUERY_REGISTRATIONS, readClaimKey } from '../domain/names.ts';
import { errorFacts } from '../runtime/log.ts';
import { mapLimit } from '../runtime/map-limit.ts';
import { GRPC } from './client.ts';
import { DecryptionError } from './payload-codec.ts';
import type { RunView, Resolution, RunInput } from '../domain/registrations/run-input.ts';

/** `gone`: Temporal does not know it (any more). `silent`: it is open, and nobody answers for it. */
export type RunState =
  | { kind: 'open'; view: RunView }
  | { kind: 'closed'; status: string }
  | { kind: 'gone' }
  | { kind: 'silent'; reason: string };

const ANSWER_MS = 5_000;

/** What a run says of itself. @throws what the client throws when Temporal itself does not answer */
export async function askRun(client: Client, workflowId: string): Promise<RunState> {
  const status = await statusOf(client, workflowId);
  if (status === null) return { kind: 'gone' };
  if (status !== 'RUNNING') return { kind: 'closed', status: status.toLowerCase() };
  try {
    const view = await client.withDeadline(Date.now() + ANSWER_MS, () =>
      client.workflow.getHandle(workflowId).query<RunView>(QUERY_REGISTRATIONS),
    );
    return { kind: 'open', view };
  } catch (error) {
    const reason = `no worker answers for it (${errorFacts(error).error}); is one running?`;
    return { kind: 'silent', reason };
  }
}

/** What came of a word to a run; a `refusal` is the run's own, for people. */
export type Told =
  | { kind: 'done'; became: string }
  | { kind: 'refused'; refusal: string }
  | { kind: 'gone' }
  | { kind: 'silent' };

const DECIDE_MS = 30_000;

/** Tells a run what became of a registration in doubt. @throws what the client throws when Temporal does not answer */
export async function tellRun(
  client: Client,
  workflowId: string,
  action: 'confirm' | 'resubmit' | 'abandon',
  word: Resolution,
): Promise<Told> {
  const handle = client.workflow.getHandle(workflowId);
  try {
    const became = await client.withDeadline(Date.now() + DECIDE_MS, () =>
      handle.executeUpdate<string, [Resolution]>(action, { args: [word] }),
    );
    return { kind: 'done', became };
  } catch (error) {
    if (error instanceof WorkflowNotFoundError) return { kind: 'gone' };
    if (error instanceof WorkflowUpdateRPCTimeoutOrCancelledError) return { kind: 'silent' };
    if (error instanceof WorkflowUpdateFailedError) {
      return { kind: 'refused', refusal: error.cause?.message ?? error.message };
    }
    throw error;
  }
}

/** The workflow ids of the runs that are open. From visibility, which may lag by a second. */
export const openRuns = (client: Client, type: string, taskQueue: string): Promise<Set<string>> =>
  listRuns(client, type, taskQueue, 'ExecutionStatus = "Running"');

async function listRuns(client: Client, type: string, taskQueue: string, which: string) {
  const query = `WorkflowType = "${type}" AND TaskQueue = "${taskQueue}" AND ${which}`;
  const ids = new Set<string>();
  for await (const { workflowId } of client.workflow.list({ query })) ids.add(workflowId);
  return ids;
}

const CLOSED = new Set(['COMPLETED', 'FAILED', 'CANCELLED', 'TERMINATED', 'TIMED_OUT']);
const ASKED_AT_ONCE = 16;

/**
 * Whether runs are alive, by workflow id: the latest run under it counts, since a run goes on as a new one. Asks the runs
 * themselves, and so does not lag.
 * @throws what the client throws when Temporal does not answer, or the namespace is not there
 */
export async function runStates(
  client: Client,
  workflowIds: readonly string[],
): Promise<Map<string, RunLife>> {
  const ids = [...new Set(workflowIds)];
  return new Map(
    await mapLimit(ids, ASKED_AT_ONCE, async (id) => [id, await lifeOf(client, id)] as const),
  );
}

async function lifeOf(client: Client, workflowId: string): Promise<RunLife> {
  const status = await statusOf(client, workflowId);
  if (status === null) return 'unknown';
  // Whatever else a status may say, now or in a later server, is no proof of death.
  return CLOSED.has(status) ? 'closed' : 'running';
}

/** Null: Temporal does not know it (any more). */
async function statusOf(client: Client, workflowId: string): Promise<string | null> {
  try {
    const handle = client.workflow.getHandle(workflowId);
    const { status } = await client.withDeadline(Date.now() + ANSWER_MS, () => handle.describe());
    return status.name;
  } catch (error) {
    if (error instanceof WorkflowNotFoundError) return null;
    throw error;
  }
}

/** The workflow ids of runs that were terminated, failed or timed out. From visibility, which may lag by a second. */
export async function endedRuns(
  client: Client,
  type: string,
  taskQueue: string,
  since: Date,
): Promise<string[]> {
  const ended = 'ExecutionStatus IN ("Terminated", "Failed", "TimedOut")';
  const which = `${ended} AND StartTime > "${since.toISOString()}"`;
  return [...(await listRuns(client, type, taskQueue, which))];
}

/** Whether the latest run under this id has ended by itself: what a lane brings to its end is settled then. */
export const hasCompleted = async (client: Client, workflowId: string): Promise<boolean> =>
  (await statusOf(client, workflowId)) === 'COMPLETED';

/**
 * The items a run began with, and was handed later, and may not have claimed yet: readable without a worker.
 * @param claimedIn the ids of those that it has claimed, and goes on with as a new run: their messages are in the runs before it
 * @throws what the client throws when Temporal does not answer
 */
async function broughtBy<Input, Item extends { id: string }>(
  client: Client,
  workflowId: string,
  unclaimedIn: (input: Input) => Item[],
  isLane = false,
  claimedIn: (input: Input) => string[] = () => [],
): Promise<Brought<Item>> {
  const items: Item[] = [];
  const wanted = new Set<string>();
  let unreadable: string | null = null;
  for (let runId: string | null = ''; runId !== null;) {
    const { given, before } = await payloadsGiven(client, { workflowId, runId }, isLane);
    const found: Item[] = [];
    for (const payloads of given)
      try {
        const { loadedDataConverter } = client.options;
        const input = await decodeFromPayloadsAtIndex<Input>(loadedDataConverter, 0, payloads);
        const some = unclaimedIn(input);
        if (!some.every((each) => broughtSchema.safeParse(each).success)) throw new Error(FOREIGN);
        found.push(...some);
        if (runId === '') for (const id of claimedIn(input)) wanted.add(id);
      } catch (error) {
        // Not any message: a parser's would quote what it could not read.
        unreadable ??= error instanceof DecryptionError ? error.message : FOREIGN;
      }
    items.unshift(...(runId === '' ? found : found.filter(({ id }) => wanted.delete(id))));
    runId = wanted.size > 0 ? before : null;
  }
  return unreadable === null ? { items } : { items, unreadable };
}

const FOREIGN = 'its input is not what intake writes';

/** Anybody can start a run by hand. */
const broughtSchema = z.object({
  id: z.string(),
  label: z.string(),
  bodyHash: z.string(),
  receivedAt: z.number(),
  message: z.object({}).nullable(),
  failedGeneration: z.number().nullable(),
  token: z.string().optional(),
});

/**
 * The input of a run as it is in its history, and what a lane was handed; nothing where Temporal has forgotten the run and only lists
 * it still. `before`: the run that it goes on from.
 */
async function payloadsGiven(
  client: Client,
  execution: { workflowId: string; runId: string },
  isLane: boolean,
) {
  const given: Payload[][] = [];
  let before: string | null = null;
  let next: Uint8Array = new Uint8Array();
  try {
    do {
      const page: proto.temporal.api.workflowservice.v1.IGetWorkflowExecutionHistoryResponse =
        await client.workflowService.getWorkflowExecutionHistory({
          namespace: client.options.namespace,
          execution,
          nextPageToken: next,
          ...(isLane ? {} : { maximumPageSize: 1 }),
        });
      for (const event of page.history?.events ?? []) {
        const started = event.workflowExecutionStartedEventAttributes;
        before ??= started?.continuedExecutionRunId || null;
        const handed =
          event.workflowExecutionUpdateAcceptedEventAttributes?.acceptedRequest?.input?.args;
        const payloads = (started?.input ?? handed)?.payloads ?? [];
        if (payloads.length > 0) given.push(payloads);
      }
      next = page.nextPageToken ?? new Uint8Array();
    } while (isLane && next.length > 0);
    return { given, before };
  } catch (error) {
    if (isGrpcServiceError(error) && Number(error.code) === GRPC.notFound) return { given, before };
    throw error;
  }
}

export const broughtRegistrations = (client: Client, workflowId: string) =>
  broughtBy(client, workflowId, ({ registrations, carried }: RunInput): NewRegistration[] => {
    const unclaimed = carried?.items.filter(isIn('claim')) ?? [];
    return [...registrations, ...unclaimed.map(({ registration }) => registration)];
  });

export const broughtTasks = (client: Client, workflowId: string, isLane = false) =>
  broughtBy(
    client,
    workflowId,
    ({ items, carried }: TaskRunInput): NewTask[] => {
      const unclaimed =
        carried?.items.flatMap((each) => (each.phase === 'claim' ? each.task : [])) ?? [];
      return [...items, ...unclaimed];
    },
    isLane,
    ({ rules, carried }) =>
      carried?.items.flatMap((each) =>
        each.phase === 'claim'
          ? []
          : (readClaimKey(each.claim)?.id.slice(rules.worker.length + 1) ?? []),
      ) ?? [],
  );
