/** The audit of a worker: its claims, what waits in its source, and the publisher's ledger where there is one. */
import { setTimeout as delay } from 'node:timers/promises';
import type { Client } from '@temporalio/client';
import { readPublishedLedger } from '../audit/published-ledger.ts';
import type { MalformedNote } from '../claims/malformed.ts';
import { TASKS_TYPE, claimKey, workerQueue } from '../domain/names.ts';
import type { Config } from '../config/schema.ts';
import { auditTasks, type AuditedTask, type TaskAudit } from '../domain/audit/task-audit.ts';
import { isDead } from '../domain/run-life.ts';
import { OWN, type OwnDatabase } from '../mongo/collections.ts';
import { openTaskClaims, type TaskClaim } from '../tasks/claims.ts';
import { openRuns, runStates } from '../temporal/runs.ts';

interface Needs {
  config: Config;
  own: OwnDatabase;
  client: Client;
  worker: string;
  /** The file of a ledger; null for none. */
  ledger: string | null;
  /** How many wait in the source; null where that cannot be said. */
  waiting: () => Promise<number | null>;
}

const READINGS = 4;
const BETWEEN_MS = 1_500;

/** What is between two places is looked for again. @throws what a neighbour throws: an audit of a part would prove nothing */
export async function auditWorker(needs: Needs): Promise<TaskAudit> {
  const { own, worker, ledger, waiting } = needs;
  const published = ledger === null ? null : (await readPublishedLedger(ledger)).entries;
  for (let reading = 1; ; reading += 1) {
    const report = auditTasks({
      worker,
      // The source before the claims: what moves meanwhile is seen twice rather than not at all.
      waiting: await waiting(),
      claims: await readClaims(needs),
      malformed: await readMalformed(own, worker),
      published: published?.map(({ id, sha256 }) => ({ id, hash: sha256 })) ?? null,
    });
    if (report.holds || reading === READINGS) return report;
    await delay(BETWEEN_MS);
  }
}

async function readClaims({ config, own, client, worker }: Needs): Promise<AuditedTask[]> {
  const { collection } = openTaskClaims(own);
  const running = await openRuns(
    client,
    TASKS_TYPE,
    workerQueue(config.temporal.taskQueue, worker),
  );
  const all = await collection
    .find({ worker })
    .project<Omit<TaskClaim, 'message'>>({ message: 0, result: 0, outgoing: 0 })
    .toArray();
  const suspects = all.filter(
    ({ settledAt, workflowId }) => settledAt === null && !running.has(workflowId),
  );
  const states = await runStates(
    client,
    suspects.map(({ workflowId }) => workflowId),
  );
  const dead = suspects.filter(({ workflowId }) => isDead(states.get(workflowId) ?? 'running'));
  // Read again: a run that ended in order has settled its claims by now.
  const open = { _id: { $in: dead.map(({ _id }) => _id) }, settledAt: null };
  const stranded = new Set(await collection.distinct('_id', open));
  // Of a redrive whose run Temporal has lost.
  const keys = new Set(all.map(({ _id }) => _id));
  const before = Date.now() - config.sweeper.olderThan;
  const isLost = ({ item, generation, gone }: (typeof all)[number]): boolean =>
    gone?.as === 'redriven' &&
    gone.at.getTime() <= before &&
    !keys.has(claimKey(item, generation + 1));
  const lost = new Set(all.filter(isLost).map(({ _id }) => _id));
  return all.map(({ _id: key, outcome, settledAt, gone, ...each }) => ({
    ...{ key, item: each.item, generation: each.generation, conflict: each.conflict },
    bodyHash: each.bodyHash,
    end: settledAt === null ? null : (outcome?.kind ?? null),
    gone: gone?.as ?? null,
    isStranded: stranded.has(key) || lost.has(key),
  }));
}

/** By the first half of the hash of their bytes, as their notes are named. */
async function readMalformed(own: OwnDatabase, worker: string) {
  const notes = await own.collection<MalformedNote>(OWN.malformed).find({ worker }).toArray();
  return new Map(
    notes.map(({ _id, gone }) => [
      _id.slice(worker.length + 1),
      { isDropped: gone?.as === 'dropped' },
    ]),
  );
}
