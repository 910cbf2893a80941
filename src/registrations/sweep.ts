/** Finds open claims whose run is dead, and starts runs that take them up (activities/registrations/takeover.ts). */
import { randomUUID } from 'node:crypto';
import type { Client } from '@temporalio/client';
import {
  againIdOf,
  strandedAmong,
  unclaimedOf,
  type Stranded as StrandedClaim,
} from '../claims/left.ts';
import type { Config } from '../config/schema.ts';
import type { NewRegistration } from '../domain/registrations/item.ts';
import { REGISTRATIONS, WORKFLOW_TYPE, claimKey, workflowId } from '../domain/names.ts';
import type { RunInput } from '../domain/registrations/run-input.ts';
import type { Brought, RunLife } from '../domain/run-life.ts';
import type { OpenClaim } from './open-claims.ts';
import { chunks } from '../runtime/chunks.ts';
import { failpoint } from '../runtime/failpoint.ts';
import { labelOf } from '../intake/label.ts';
import { rulesOf } from './rules.ts';
import { broughtRegistrations, endedRuns, openRuns, runStates } from '../temporal/runs.ts';
import { startRegistrations, type StartResult } from '../temporal/client.ts';
import type { Store } from './store.ts';

export type Stranded = StrandedClaim<OpenClaim>;
export type Unclaimed = Found['unclaimed'][number];

export interface SweepNeeds {
  config: Config;
  store: Pick<Store, 'claims' | 'setAside' | 'clock'>;
  /** Workflow ids of open runs; may lag, since whoever is not among them is asked for. */
  openRuns: () => Promise<ReadonlySet<string>>;
  runStates: (workflowIds: string[]) => Promise<Map<string, RunLife>>;
  /** Workflow ids of runs that did not end in order and began since then; may lag. */
  endedRuns: (since: Date) => Promise<string[]>;
  /** What a run brought and, as far as its input tells, had not claimed. */
  broughtBy: (workflowId: string) => Promise<Brought<NewRegistration>>;
  start: (workflowId: string, input: RunInput) => Promise<StartResult>;
}

/** On the real Temporal. */
export const sweepNeeds = (
  config: Config,
  store: SweepNeeds['store'],
  client: Client,
): SweepNeeds => ({
  config,
  store,
  openRuns: () => openRuns(client, WORKFLOW_TYPE, config.temporal.taskQueue),
  runStates: (ids) => runStates(client, ids),
  endedRuns: (since) => endedRuns(client, WORKFLOW_TYPE, config.temporal.taskQueue, since),
  broughtBy: (id) => broughtRegistrations(client, id),
  start: (id, input) => startRegistrations(client, config, id, input),
});

export type Found = Awaited<ReturnType<typeof findLeft>>;
export type Swept = Awaited<ReturnType<typeof takeUp>>;

/**
 * What is open for longer than ten minutes and has nobody to go on with it, oldest first.
 * @throws what the client throws when Temporal does not answer: nothing is swept on a guess
 */
export function findStranded(needs: Omit<SweepNeeds, 'start'>): Promise<Stranded[]> {
  const { config, store } = needs;
  const openOnes = async (): Promise<OpenClaim[]> => {
    // By the index of settledAt, without reading what is settled.
    const open = store.claims.collection.find({
      settledAt: null,
      claimedAt: { $lte: new Date(store.clock.now() - config.sweeper.olderThan) },
    });
    return store.claims.sound(await open.project<OpenClaim>({ message: 0 }).toArray());
  };
  return strandedAmong(openOnes, needs, async (keys) => {
    const unsettled = await store.claims.workflowIds(keys, { settledAt: null });
    for (const key of (await store.setAside.reasons(keys)).keys()) unsettled.delete(key);
    return unsettled;
  });
}

/** Ended runs, with what they may not have claimed. @throws as findStranded */
export async function findUnclaimed(needs: Omit<SweepNeeds, 'start'>) {
  const { config, store, endedRuns, runStates, broughtBy } = needs;
  // The claims of older runs may have expired.
  const ended = await endedRuns(new Date(Date.now() - config.mongodb.retention / 2));
  return unclaimedOf(ended, runStates, broughtBy, async (items) => {
    const keys = items.map(({ id }) => claimKey(id, 0));
    const found = await store.claims.find(keys);
    return keys.map((key) => found.get(key)?.bodyHash);
  });
}

/** Starts runs that take up what is stranded; doing it again is harmless. @throws what the client throws without Temporal */
export async function takeUp(needs: SweepNeeds, { stranded, unclaimed, unreadable }: Found) {
  const { config, start } = needs;
  const rules = rulesOf(config);
  const started: string[] = [];
  for await (const some of chunks(stranded, config.intake.batchSize)) {
    const registrations = some.map(({ claim }) => registrationOf(claim, config));
    const labels = registrations.map(({ label }) => label);
    await startOne(
      workflowId(REGISTRATIONS, labels, `sweep-${randomUUID().slice(0, 13)}`),
      registrations,
    );
  }
  for (const { workflowId: ended, items } of unclaimed) await startOne(againIdOf(ended), items);
  return {
    stranded: stranded.length,
    /** Registrations whose run was ended before it had claimed them, as far as is known. */
    unclaimed: unclaimed.reduce((sum, { items }) => sum + items.length, 0),
    /** Ended runs whose input nobody can read: what they had not claimed is not taken up. */
    unreadable: [...unreadable.keys()],
    /** Workflow ids of the runs that were started for them. */
    started,
  };

  async function startOne(id: string, registrations: NewRegistration[]): Promise<void> {
    failpoint('sweep-starting');
    const result = await start(id, { rules, registrations, carried: null });
    if (result === 'too-large')
      throw new Error(
        `Temporal refuses to start a run with ${registrations.length} registrations: lower intake.batchSize`,
      );
    failpoint('sweep-started');
    started.push(id);
  }
}

/** @throws as findStranded and takeUp */
export const sweep = async (needs: SweepNeeds): Promise<Swept> =>
  takeUp(needs, await findLeft(needs));

/** All that dead runs have left. @throws as findStranded */
export const findLeft = async (needs: Omit<SweepNeeds, 'start'>) => ({
  stranded: await findStranded(needs),
  ...(await findUnclaimed(needs)),
});

/** The message stays where it is, in the claim: the new run needs it only to submit it. */
const registrationOf = (
  { _id, item: registration, generation, conflict, bodyHash, receivedAt }: OpenClaim,
  config: Config,
): NewRegistration => ({
  id: registration,
  label: labelOf(registration, config),
  bodyHash,
  message: { body: '', properties: '' },
  receivedAt: receivedAt.getTime(),
  failedGeneration: generation > 0 && !conflict ? generation - 1 : null,
  takes: _id,
});
