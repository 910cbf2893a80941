/** One run: its list is the source of a worker of tasks, whose claims say how each element has ended; the files follow them. */
import { mkdir, realpath } from 'node:fs/promises';
import { hostname } from 'node:os';
import { basename, dirname, join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import type { Client } from '@temporalio/client';
import type { QueueSetting } from '../../config/queues.ts';
import type { Config } from '../../config/schema.ts';
import type { Environment } from '../../config/tree.ts';
import { openDatabase } from '../../mongo/own-database.ts';
import type { OwnDatabase } from '../../mongo/collections.ts';
import type { Log } from '../../runtime/log.ts';
import { maskUrl } from '../../runtime/mask.ts';
import type { Metrics } from '../../runtime/metrics.ts';
import { startTaskWorkers } from '../../task-workers.ts';
import type { Connected } from '../../tasks/brokers.ts';
import type { Running } from '../../tasks/rules.ts';
import { createEtlCaller } from '../caller.ts';
import { createEnds, type Ends } from '../ends.ts';
import { isHttp } from '../fetch.ts';
import { lock } from '../lock.ts';
import { createListSource, type ListSource } from '../source.ts';
import { openStateFolder, type EtlState, type StateFolder } from '../state.ts';
import { ARRAY, LINES, openWholeFile } from '../whole-file.ts';
import { nowhere, openDestination } from './destination.ts';
import type { EtlOptions, EtlSummary, Watch } from './options.ts';
import { prepare } from './prepare.ts';
import { processOf, simulation } from './process.ts';
import { countOpen, openEtlRuns, readEnds, workerOf } from './records.ts';

export interface EtlNeeds {
  config: Config;
  queues: readonly QueueSetting[];
  /** As a process of the user sees it. */
  env: Environment;
  /** Connects when the input is there. */
  connect: () => Promise<Client>;
  metrics: Metrics;
  log: Log;
  watch: Watch;
  /** Aborted to stop in order. */
  signal: AbortSignal;
}

const LOOK_MS = 250;
const NOTE_MS = 2_000;
/** Without an end for so long, what is missing is looked for in the claims. */
const QUIET_MS = 5_000;
/** Elements that are with the process at once, so that those that were never tried overtake retries. */
const AHEAD = 1_000;
const TIMEOUT_MS = 300_000;

/** @throws Locked, EtlRefused, CannotFetch; what a neighbour throws that cannot be reached */
export async function runEtl(given: EtlOptions, needs: EtlNeeds): Promise<EtlSummary> {
  const options = { ...given, output: await real(given.output), errors: await real(given.errors) };
  const folder = await openStateFolder(options.output);
  const held = await lock(folder.lockFile);
  try {
    const state = await prepare(options, folder, needs.watch, needs.signal);
    const client = await needs.connect();
    try {
      return await process(options, state, folder, needs, client);
    } finally {
      await client.connection.close();
    }
  } finally {
    await held.release();
  }
}

/** What a link leads to is replaced, and not the link. */
async function real(path: string): Promise<string> {
  await mkdir(dirname(path), { recursive: true });
  const known = await realpath(path).catch(() => null);
  return known ?? join(await realpath(dirname(path)), basename(path));
}

async function process(
  options: EtlOptions,
  state: EtlState,
  folder: StateFolder,
  needs: EtlNeeds,
  client: Client,
): Promise<EtlSummary> {
  const { config, log, watch, signal } = needs;
  const mongo = await openDatabase(config, 'writer');
  const output =
    options.to === null ? await openWholeFile(options.output, folder.output, ARRAY) : null;
  const errors = await openWholeFile(options.errors, folder.errors, LINES);
  const ends = createEnds(state.items, output, errors);
  const runs = openEtlRuns(mongo.own);
  const begun = performance.now();
  const workedBefore = state.workedMs;
  const note = async (as: 'processing' | 'stopped' | 'done'): Promise<void> => {
    state.workedMs = workedBefore + performance.now() - begun;
    await folder.write(state);
    await runs.note({
      ...{ _id: state.run, input: shown(options.input), output: options.output, state: as },
      ...{ items: state.items, counts: ends.counts(), startedAt: new Date(state.startedAt) },
    });
  };
  try {
    if (state.phase === 'process') await readEnds(mongo.own, state.run, ends);
    // The input is there: from now on the old output is worth nothing.
    await ends.show();
    state.phase = 'process';
    await note('processing');
    const isFinished =
      state.items === ends.all() ||
      (await work({ options, state, folder, needs, client, ends, note, own: mongo.own }));
    await ends.show();
    if (isFinished) state.phase = 'done';
    await note(isFinished ? 'done' : 'stopped');
    const summary = summaryOf(options, state, folder, ends, isFinished);
    if (isFinished) {
      await folder.writeSummary(summary);
      await folder.clear();
    }
    return summary;
  } finally {
    await ends.close();
    await mongo.close();
    log.debug({ run: state.run, stopped: signal.aborted }, 'A run has left its files');
    watch.progress({
      phase: 'processing',
      done: ends.all(),
      total: state.items,
      counts: ends.counts(),
    });
  }
}

interface Work {
  options: EtlOptions;
  state: EtlState;
  folder: StateFolder;
  needs: EtlNeeds;
  client: Client;
  ends: Ends;
  note: (as: 'processing') => Promise<void>;
  own: OwnDatabase;
}

/** Whether all have ended; not where it was told to stop. */
async function work(all: Work): Promise<boolean> {
  const { options, state, folder, needs, client, ends } = all;
  const { config, queues, env, metrics, log } = needs;
  const { settings, to } = options;
  const name = workerOf(state.run);
  let trouble: unknown = null;
  const source = createListSource(
    folder.input,
    options.shape,
    state.format,
    state.position,
    (error) => (trouble = error),
  );
  const destination =
    to === null ? nowhere : await openDestination(to, folder.ledger, { config, queues, log });
  const { workers } = settings;
  const processing =
    options.process === null
      ? simulation(settings, state.seed)
      : processOf(options.process, { workers, name, timeoutMs: TIMEOUT_MS, env, log });
  const caller = createEtlCaller({
    ...{ workers, strict: options.strict, stop: processing.stop },
    process: async (resource, call, stop) =>
      destination.through(await processing.process(resource, call, stop), resource),
    done: ({ id, attempt }, result) => ends.done(Number(id), attempt, result),
    failed: ({ id, attempt, body, headers }, own, reason) =>
      ends.failed({
        ...{ index: Number(id), attempts: attempt, class: own, errors: reason.split('\n') },
        offset: Number(headers['offset'] ?? 0),
        bytes: headers['size'] === undefined ? Buffer.from(body, 'base64') : null,
      }),
  });
  const connected: Connected = {
    open: source.open,
    channels: destination.channels,
    failures: { publish: () => Promise.reject(new Error('it has no dead letters')) },
  };
  const results = {
    kept: (result: unknown) => JSON.stringify(result),
    areInClaim: () => true,
    write: () => Promise.resolve(),
  };
  const running = await startTaskWorkers({
    ...{ config, queues, client, metrics, log },
    workers: [
      {
        worker: workerFor(name, settings.maxAttempts),
        caller,
        connected: () => connected,
        results,
      },
    ],
    // The next process for this run answers for what this one leaves.
    process: `${config.temporal.taskQueue}@${hostname()}/${name}`,
  });
  running.ended.catch((error: unknown) => (trouble ??= error));
  try {
    return await follow(all, source, () => trouble);
  } finally {
    await running.stop();
    state.position = source.position();
    await destination.close();
  }
}

async function follow(
  { state, needs, ends, note, own, options }: Work,
  source: ListSource,
  trouble: () => unknown,
): Promise<boolean> {
  const { watch, signal } = needs;
  let known = -1;
  let since = performance.now();
  let notedAt = performance.now();
  for (;;) {
    if (trouble() !== null) throw trouble();
    const done = ends.all();
    const now = performance.now();
    if (done !== known) since = now;
    known = done;
    watch.progress({ phase: 'processing', done, total: state.items, counts: ends.counts() });
    // What goes to a broker has ended when that has confirmed it.
    if (done === state.items && (options.to === null || (await countOpen(own, state.run)) === 0))
      return true;
    if (signal.aborted) return false;
    await ends.showIfDue();
    if (now - notedAt > NOTE_MS) {
      notedAt = now;
      state.position = source.position();
      await note('processing');
    }
    if (source.isOver() && done < state.items && now - since > QUIET_MS) {
      since = now;
      if ((await countOpen(own, state.run)) === 0) {
        await readEnds(own, state.run, ends);
        if (ends.all() < state.items) source.again();
      }
    }
    await delay(LOOK_MS, undefined, { signal }).catch(() => {});
  }
}

const workerFor = (name: string, maxAttempts: number): Running => ({
  name,
  from: { broker: 'url', name },
  ...{ queue: null, deadLetters: null, redrivesByItself: false, to: null, batch: null },
  ...{ concurrency: AHEAD, timeoutMs: TIMEOUT_MS, isIsolated: false, isHarmless: true },
  retry: { max: maxAttempts - 1, kind: 'fixed', initial: 0 },
  ...{ isOrdered: false, identify: null, keep: { resultMs: 0, failureMs: 0 } },
});

export const shown = (input: string): string => (isHttp(input) ? maskUrl(input) : input);

function summaryOf(
  { input, output, errors, to, process }: EtlOptions,
  { run, items, digest, resumed, workedMs }: EtlState,
  folder: StateFolder,
  ends: Ends,
  finished: boolean,
): EtlSummary {
  const counts = ends.counts();
  const seconds = workedMs / 1_000;
  return {
    ...{
      run,
      finished,
      simulated: process === null,
      input: shown(input),
      inputSha256: digest,
      items,
    },
    ...counts,
    retries: counts.attempts - ends.all(),
    ...{ resumed, seconds: Math.round(seconds * 10) / 10 },
    itemsPerSecond: seconds > 0 ? Math.round(ends.all() / seconds) : 0,
    ...{
      output: to === null ? output : null,
      to,
      errors,
      ledger: to === null ? null : folder.ledger,
    },
  };
}
