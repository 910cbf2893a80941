/** Elements on their way: the list is the source of a worker of tasks, whose claims say how each has ended; the files follow them. */
import { hostname } from 'node:os';
import { setTimeout as delay } from 'node:timers/promises';
import type { Client } from '@temporalio/client';
import type { OwnDatabase } from '../../mongo/collections.ts';
import { startTaskWorkers } from '../../task-workers.ts';
import type { Connected } from '../../tasks/brokers.ts';
import type { Running } from '../../tasks/rules.ts';
import { createEtlCaller } from '../caller.ts';
import type { Ends } from '../ends.ts';
import { createListSource, type ListSource } from '../source.ts';
import type { EtlState, StateFolder } from '../state.ts';
import { tookSoLong } from '../times.ts';
import { nowhere, openDestination } from './destination.ts';
import type { EtlNeeds, EtlOptions } from './options.ts';
import { processingOf } from './process.ts';
import { countOpen, readEnds, workerOf } from './records.ts';

const LOOK_MS = 250;
const NOTE_MS = 2_000;
/** Without an end for so long, what is missing is looked for in the claims. */
const QUIET_MS = 5_000;
/** Elements that are with the process at once, so that those that were never tried overtake retries. */
const AHEAD = 1_000;
const TIMEOUT_MS = 300_000;

export interface Work {
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
export async function work(all: Work): Promise<boolean> {
  const { options, state, folder, needs, client, ends } = all;
  const { config, queues, env, metrics, log } = needs;
  const { to } = options;
  const name = workerOf(state.run);
  let trouble: unknown = null;
  const source = createListSource(
    folder.input,
    options.shape,
    state.format,
    state.position,
    (error) => (trouble = error),
    () => ends.all(),
  );
  const destination =
    to === null ? nowhere : await openDestination(to, folder.ledger, { config, queues, log });
  const { workers, maxAttempts } = options.settings;
  const processing = processingOf(options, {
    ...{ name, seed: state.seed, timeoutMs: TIMEOUT_MS, env, log },
  });
  const caller = createEtlCaller({
    ...{ workers, strict: options.strict, stop: processing.stop },
    async process(resource, call, stop) {
      const begun = performance.now();
      const ended = await processing.process(resource, call, stop);
      tookSoLong(state.times, performance.now() - begun);
      return destination.through(ended, resource);
    },
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
        worker: workerFor(name, maxAttempts, processing.sends),
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
  /** False while MongoDB cannot say, which is waited for. */
  const noneIsOpen = (): Promise<boolean> =>
    countOpen(own, state.run).then(
      (count) => count === 0,
      () => false,
    );
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
    if (done === state.items && (options.to === null || (await noneIsOpen()))) return true;
    if (signal.aborted) return false;
    await ends.showIfDue();
    source.wake();
    if (now - notedAt > NOTE_MS) {
      notedAt = now;
      state.position = source.position();
      await note('processing');
    }
    const isQuiet = done < state.items && now - since > QUIET_MS;
    if (isQuiet && (source.isOver() || source.isFull())) {
      since = now;
      if (await noneIsOpen()) {
        await readEnds(own, state.run, ends);
        if (source.isOver() && ends.all() < state.items) source.again();
      }
    }
    await delay(LOOK_MS, undefined, { signal }).catch(() => {});
  }
}

const AT_ONCE = { kind: 'fixed', initial: 0 } as const;
/** An endpoint that is in trouble is given time. */
const SLOWER = { kind: 'exponential', initial: 1_000, longest: 60_000, jitter: 0.2 } as const;

const workerFor = (name: string, maxAttempts: number, sends: Running['sends']): Running => ({
  name,
  from: { broker: 'url', name },
  ...{ queue: null, deadLetters: null, redrivesByItself: false, to: null, batch: null },
  ...{ concurrency: AHEAD, timeoutMs: TIMEOUT_MS, isIsolated: false, isHarmless: true },
  retry: { max: maxAttempts - 1, ...(sends === undefined ? AT_ONCE : SLOWER) },
  ...(sends === undefined ? {} : { sends }),
  ...{ isOrdered: false, identify: null, keep: { resultMs: 0, failureMs: 0 } },
  isBounded: true,
});
