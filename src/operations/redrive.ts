/** Beginning, following and stopping a redrive. A worker does it (redrive-work.ts), and goes on when whoever began it is gone. */
import type { Client, WorkflowExecutionStatusName } from '@temporalio/client';
import { WorkflowExecutionAlreadyStartedError, WorkflowNotFoundError } from '@temporalio/common';
import type { Config } from '../config/schema.ts';
import type { ActionDocument } from '../coordination/actions.ts';
import { runnersOf, workersOf, type SeenProcess } from '../coordination/processes.ts';
import { requireAgreement } from '../coordination/encryption-agreement.ts';
import { LEGACY, REDRIVE_TYPE, redriveId, workerQueue } from '../domain/names.ts';
import type { RedriveInput, RedriveReport } from '../domain/redrive-order.ts';
import type { Store } from '../registrations/store.ts';
import { redriveWord } from './redrive-notes.ts';
import type { Said } from './said.ts';

export interface RedriveNeeds {
  config: Config;
  store: Pick<Store, 'actions' | 'control'>;
  client: Client;
  /** Whose failures; null for registrations. */
  worker: string | null;
}

export type Begun =
  /** `id`: of its action. */
  | { kind: 'begun'; id: string; report: Promise<RedriveReport> }
  | { kind: 'runs-already'; state: RedriveState }
  | { kind: 'no-worker' };

type RedriveWorkflow = (input: RedriveInput) => Promise<RedriveReport>;

export type RedriveState = Awaited<ReturnType<typeof redriveState>>;

/**
 * `isWorkerAlive`: without one nothing is sent, and nothing is stopped, until there is one. `latest`: what is written down of the
 * latest; null where none ever began.
 * @throws what a neighbour throws
 */
export async function redriveState(needs: RedriveNeeds) {
  const { store, worker } = needs;
  const [control, latest, run] = await Promise.all([
    store.control.read(),
    store.actions.collection.findOne({ what: redriveWord(worker) }, { sort: { at: -1 } }),
    handleOf(needs)
      .describe()
      .then(
        ({ status, raw }) => ({
          status: status.name,
          action: raw.workflowExecutionInfo?.firstRunId,
        }),
        unlessNotFound(null),
      ),
  ]);
  const isRunning = run !== null && goesOn(run.status);
  // Where processes of task workers do not say that they run, Temporal keeps it until one takes it.
  const isUntold = worker !== null && !needs.config.ops.enabled;
  const isWorkerAlive = isUntold || canRedrive(control.processes, worker);
  return { isRunning, run, isWorkerAlive, latest };
}

const ENDED: readonly WorkflowExecutionStatusName[] = [
  ...(['COMPLETED', 'FAILED', 'CANCELLED', 'TERMINATED', 'TIMED_OUT'] as const),
];

/** So does one that is paused, and one of a status that a later Temporal has. */
export const goesOn = (status: WorkflowExecutionStatusName): boolean => !ENDED.includes(status);

/**
 * `unasked`: why nobody knows whether it runs, of one that has not said how it ended. `isForgotten`: Temporal has answered that
 * it does not know it.
 */
export interface SeenRedrive {
  document: ActionDocument;
  unasked: string | null;
  isForgotten?: boolean;
}

/**
 * Of one that has not said how it ended: one whose run somebody terminated never will, so that is written down for it.
 * @throws what a neighbour throws
 */
export async function concluded(
  needs: RedriveNeeds,
  document: ActionDocument,
): Promise<SeenRedrive> {
  const { actions } = needs.store;
  const { isRunning, run } = await redriveState(needs);
  // It may be another Temporal than that of the workers.
  if (run === null) return { document, unasked: 'Temporal has no run of it', isForgotten: true };
  // By its run: the times are by the clocks of whoever began them.
  const isIts = run.action === document._id;
  if (isIts && isRunning) return { document, unasked: null };
  const as = isIts ? run.status.toLowerCase() : 'another has run since';
  await actions.endUnsaid(document._id, `its run has ended in Temporal without a word: ${as}`);
  return { document: (await actions.find(document._id)) ?? document, unasked: null };
}

/** Whether one of these processes runs the redrives of a worker; null for registrations. */
export const canRedrive = (processes: readonly SeenProcess[], worker: string | null): boolean =>
  (worker === null ? workersOf(processes, LEGACY) : runnersOf(processes, worker)).length > 0;

/** @throws what a neighbour throws */
export async function beginRedrive(needs: RedriveNeeds, input: RedriveInput): Promise<Begun> {
  const { config, store, client, worker } = needs;
  const { order } = input;
  const { group = null } = order;
  await requireAgreement(config, store.control);
  const state = await redriveState(needs);
  if (state.isRunning) return { kind: 'runs-already', state };
  if (!state.isWorkerAlive) return { kind: 'no-worker' };
  try {
    const handle = await client.workflow.start<RedriveWorkflow>(REDRIVE_TYPE, {
      args: [{ ...input, said: { ...input.said, order: { class: order.class, group } } }],
      workflowId: idOf(needs),
      taskQueue:
        worker === null
          ? config.temporal.taskQueue
          : workerQueue(config.temporal.taskQueue, worker),
    });
    return { kind: 'begun', id: handle.firstExecutionRunId, report: handle.result() };
  } catch (error) {
    if (!(error instanceof WorkflowExecutionAlreadyStartedError)) throw error;
    return { kind: 'runs-already', state: await redriveState(needs) };
  }
}

/** Tells it to stop: what is on its way is waited for, the rest stays where it is. False when none runs. */
export async function stopRedrive(needs: RedriveNeeds, said: Said): Promise<boolean> {
  if (!(await redriveState(needs)).isRunning) return false;
  return needs.store.actions.act(
    { ...said, what: 'redrive stop', on: needs.worker },
    () =>
      handleOf(needs)
        .cancel()
        .then(() => true, unlessNotFound(false)),
    (isTold) => (isTold ? 'told to stop' : 'it had ended'),
  );
}

const idOf = ({ config: { temporal, rabbit }, worker }: RedriveNeeds): string =>
  redriveId(temporal.taskQueue, worker ?? rabbit.failureQueue);

const handleOf = (needs: RedriveNeeds) => needs.client.workflow.getHandle(idOf(needs));

const unlessNotFound =
  <T>(otherwise: T) =>
  (error: unknown): T => {
    if (error instanceof WorkflowNotFoundError) return otherwise;
    throw error;
  };
