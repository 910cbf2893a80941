/** The workers of `start --with-workers`: two examples, messages for both, and a report of what became of those. */
import { existsSync } from 'node:fs';
import { setTimeout as delay } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import type { Config } from '../config/schema.ts';
import { claimKey } from '../domain/names.ts';
import { openDatabase } from '../mongo/own-database.ts';
import { readSending, sendTask, setUpTasks } from '../operations/send-task.ts';
import { silent } from '../runtime/log.ts';
import { openTaskClaims, type TaskClaim } from '../tasks/claims.ts';
import { openPublishers } from '../tasks/publishers.ts';
import type { Worker } from '../workers/worker.ts';
import { CommandError, EXIT } from './exit.ts';
import { columns, number } from './table.ts';
import { chosen, foldersOf } from './worker-choice.ts';

const FILES = ['email-worker.ts', 'user-handler.ts'].map((name) =>
  fileURLToPath(new URL(`../../../examples/${name}`, import.meta.url)),
);
export const WORKER_ARGUMENTS = ['run', '--all', '--workers', ...FILES, '--port', '0'];

export interface WorkerReport {
  worker: string;
  sent: number;
  /** By outcome: `done`, or how they failed. */
  byOutcome: Record<string, number>;
  attempts: number;
}

/** Loads the examples, and makes the queues and topics they need. @throws CommandError where there are none */
export async function prepareWorkers(config: Config): Promise<Worker[]> {
  if (!FILES.every((file) => existsSync(file)))
    throw new CommandError(
      '--with-workers runs the examples of a clone, and this is a package without them: see docs/how-to/write-a-worker.md for workers of your own',
      EXIT.usage,
    );
  const found = await chosen([], true, foldersOf({ workers: FILES }, config));
  const workers = found.map(({ worker }) => worker);
  await setUpTasks(config, [], workers, { partitions: -1, replicationFactor: -1 });
  return workers;
}

/** One e-mail in ten has an address that cannot be reached: its attempts are used up, and it becomes a dead letter. */
const SAMPLES: Readonly<Record<string, (n: number) => object>> = {
  EmailWorker: (n) => ({
    to: n % 10 === 9 ? `ana${n}@away.example` : `ana${n}@example.com`,
    subject: 'Olá',
    template: 'welcome',
  }),
  UserHandler: (n) => ({ type: 'send_audio', user_id: n, content: 'UklGRg==' }),
};

/** Between two looks at MongoDB, ms. */
const LOOK_MS = 500;

/**
 * Sends `count` messages to each worker, and waits until they are settled.
 * @throws what `stop` was aborted with, or that with which `broken` was rejected
 */
export async function sendSamples(
  config: Config,
  workers: readonly Worker[],
  { count, prefix, stop, broken }: SampleOptions,
): Promise<WorkerReport[]> {
  if (workers.length === 0) return [];
  const ids = Array.from({ length: count }, (_, n) => `${prefix}${n}`);
  const publishers = openPublishers(config, [], silent);
  try {
    for (const worker of workers) {
      const sample = SAMPLES[worker.name] ?? (() => ({}));
      for (const [n, id] of ids.entries()) {
        stop.throwIfAborted();
        const body = Buffer.from(JSON.stringify(sample(n)));
        const read = await readSending(config, [], worker, { body, id, key: null });
        if (!read.ok) throw new CommandError(`A sample was not sent: ${read.reason}`);
        await sendTask(publishers, config, [], worker, read.message);
      }
    }
  } finally {
    await publishers.close();
  }
  const mongo = await openDatabase(config, 'reader');
  try {
    const claims = openTaskClaims(mongo.own);
    for (;;) {
      stop.throwIfAborted();
      const reports = await Promise.all(
        workers.map(async ({ name }): Promise<WorkerReport> => {
          const found = await claims.find(ids.map((id) => claimKey(`${name}/${id}`, 0)));
          return reportOf(name, count, [...found.values()]);
        }),
      );
      if (reports.every(({ sent, byOutcome }) => sumOf(byOutcome) === sent)) return reports;
      await Promise.race([delay(LOOK_MS), broken]);
    }
  } finally {
    await mongo.close();
  }
}

export interface SampleOptions {
  count: number;
  prefix: string;
  stop: AbortSignal;
  /** Is rejected when a process ends that should not. */
  broken: Promise<never>;
}

function reportOf(worker: string, sent: number, claims: readonly TaskClaim[]): WorkerReport {
  const byOutcome: Record<string, number> = {};
  let attempts = 0;
  for (const { outcome, settledAt, attempts: some } of claims) {
    attempts += some;
    if (outcome !== null && settledAt !== null)
      byOutcome[outcome.kind] = (byOutcome[outcome.kind] ?? 0) + 1;
  }
  return { worker, sent, byOutcome, attempts };
}

const sumOf = (counts: Readonly<Record<string, number>>): number =>
  Object.values(counts).reduce((sum, count) => sum + count, 0);

export const workersText = (reports: readonly WorkerReport[]): string =>
  columns(
    reports.map(({ worker, sent, byOutcome, attempts }) => {
      const ends = Object.entries(byOutcome).map(([kind, count]) => `${number(count)} ${kind}`);
      return [worker, `${number(sent)} sent: ${ends.join(', ')}, in ${number(attempts)} attempts`];
    }),
  );
