/** Finds open claims whose run is dead, and starts runs that take them up (activities/registrations/takeover.ts). */
import { randomUUID } from 'node:crypto';
import type { Client } from '@temporalio/client';
import type { Config } from '../config/schema.ts';
import type { NewRegistration } from '../domain/registrations/item.ts';
import { REGISTRATIONS, workflowId } from '../domain/names.ts';
import { isDead, type RunLife } from '../domain/run-life.ts';
import type { OpenClaim } from './open-claims.ts';
import { chunks } from '../runtime/chunks.ts';
import { failpoint } from '../runtime/failpoint.ts';
import { labelOf } from '../intake/label.ts';
import { rulesOf } from './rules.ts';
import { endedRuns, inputOf, openRuns, runStates } from '../temporal/runs.ts';
import { startRegistrations } from '../temporal/client.ts';
import { againIdOf, findUnclaimed, type SweepNeeds } from './unclaimed.ts';

export interface Stranded {
  claim: OpenClaim;
  run: Exclude<RunLife, 'running'>;
}

/** On the real Temporal. */
export const sweepNeeds = (
  config: Config,
  store: SweepNeeds['store'],
  client: Client,
): SweepNeeds => ({
  config,
  store,
  openRuns: () => openRuns(client, config.temporal.taskQueue),
  runStates: (ids) => runStates(client, ids),
  endedRuns: (since) => endedRuns(client, config.temporal.taskQueue, since),
  broughtBy: (id) => inputOf(client, id),
  start: (id, input) => startRegistrations(client, config, id, input),
});

export type Found = Awaited<ReturnType<typeof findLeft>>;
export type Swept = Awaited<ReturnType<typeof takeUp>>;

/**
 * What is open for longer than ten minutes and has nobody to go on with it, oldest first.
 * @throws what the client throws when Temporal does not answer: nothing is swept on a guess
 */
export async function findStranded(needs: Omit<SweepNeeds, 'start'>): Promise<Stranded[]> {
  const { config, store } = needs;
  const running = await needs.openRuns();
  // By the index of settledAt, without reading what is settled.
  const open = await store.claims.collection
    .find({
      settledAt: null,
      claimedAt: { $lte: new Date(store.clock.now() - config.sweeper.olderThan) },
    })
    .project<OpenClaim>({ message: 0 })
    .toArray();
  const suspects = store.claims.sound(open).filter(({ workflowId: run }) => !running.has(run));
  const states = await needs.runStates(suspects.map(({ workflowId: run }) => run));
  const keys = suspects.map(({ _id }) => _id);
  // Read after Temporal was asked: a run that ended in order had settled its claims by then.
  const unsettled = await store.claims.workflowIds(keys, { settledAt: null });
  const setAside = await store.setAside.reasons(keys);
  return suspects
    .flatMap((claim): Stranded[] => {
      const run = states.get(claim.workflowId) ?? 'running';
      const isLeft = unsettled.get(claim._id) === claim.workflowId && !setAside.has(claim._id);
      return isDead(run) && run !== 'running' && isLeft ? [{ claim, run }] : [];
    })
    .sort((a, b) => a.claim.receivedAt.getTime() - b.claim.receivedAt.getTime());
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
  for (const { workflowId: ended, registrations } of unclaimed)
    await startOne(againIdOf(ended), registrations);
  return {
    stranded: stranded.length,
    /** Registrations whose run was ended before it had claimed them, as far as is known. */
    unclaimed: unclaimed.reduce((sum, { registrations }) => sum + registrations.length, 0),
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
