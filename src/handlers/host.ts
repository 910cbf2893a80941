/** A place with the jobs that run in it: their clocks, their aborts, and how each ends when the place does. */
import type { Log } from '../runtime/log.ts';
import type { Call, Ended, Hook } from '../workers/call.ts';
import type { Place, PlaceEvents, Told, Why } from './protocol.ts';

export interface HostRules {
  timeoutMs: number;
  /** For a hook, which nobody waits for. */
  hookMs: number;
  /** For the start, until it is told that the file keeps it waiting. */
  slowStartMs: number;
  /** Of the user, for the log. */
  file: string;
  /** After an abort, for the handler to return. */
  graceMs: number;
  log: Log;
  /** Of a call, for the lines that its handler writes: its id as people may see it, and the like. */
  facts: (call: Call) => object;
  /** Of a counter that a handler adds to. */
  count: (name: string, by: number) => void;
}

export interface Job {
  calls: Call[];
  isBatch: boolean;
  /** That it is told of the calls, instead of running them. */
  hook: Hook | null;
  isAlone: boolean;
  /** Is done just before it begins; where that fails, it does not begin. */
  noted: (() => Promise<void>) | null;
  /** Ids of its calls. */
  cancelled: Set<string>;
  end: (ends: Ended[]) => void;
}

/** `gone`: the reason is null when it ended as it was to. */
export interface HostEvents {
  up(): void;
  ended(): void;
  /** It takes no more jobs. */
  leaving(): void;
  gone(reason: string | null): void;
}

/** For the import of a worker's file, ms. */
const START_MS = 60_000;

interface Running {
  job: Job;
  number: number;
  hasBegun: boolean;
  abortedBy: Why | null;
  isHeard: boolean;
  isOverdue: boolean;
  clock: NodeJS.Timeout;
}

type Verdict = 'died' | 'left' | 'killed' | 'blocked';

export const interrupted = ({ calls }: Pick<Job, 'calls'>): Ended[] =>
  calls.map(() => ({ kind: 'interrupted' }));

export type Host = ReturnType<typeof createHost>;

export function createHost(
  open: (events: PlaceEvents) => Place,
  { timeoutMs, hookMs, slowStartMs, graceMs, file, log, facts: factsOf, count }: HostRules,
  on: HostEvents,
) {
  const running = new Map<number, Running>();
  let state: 'starting' | 'up' | 'leaving' | 'gone' = 'starting';
  let wasUp = false;
  let numbers = 0;
  /** Why it goes. `blocked`: one of its jobs, and nobody knows which, holds up its loop. */
  let verdict: Verdict = 'died';
  let patience: NodeJS.Timeout | undefined;
  const left = Promise.withResolvers<void>();

  function hear(told: Told): void {
    switch (told[0]) {
      case 'up':
        hasStarted();
        wasUp = true;
        if (state === 'starting') state = 'up';
        return on.up();
      case 'ended':
        return ended(told[1], told[2]);
      case 'heard': {
        const each = running.get(told[1]);
        if (each !== undefined) each.isHeard = true;
        return;
      }
      case 'log': {
        const [, number, level, more, sentence] = told;
        const calls = running.get(number)?.job.calls ?? [];
        const [call] = calls;
        // The id of a call may be personal, and is shown as the settings say alone.
        const facts = call !== undefined && calls.length === 1 ? factsOf(call) : {};
        const all = { ...more, task: undefined, ...facts };
        if (level === 'debug' || level === 'info') return log[level](all, sentence);
        return log[level]({ ...all, runbook: 'handlers-fail' }, sentence);
      }
      case 'count':
        return count(told[1], told[2]);
      case 'fault':
        return;
    }
  }

  function ended(number: number, ends: Ended[]): void {
    const each = running.get(number);
    if (each === undefined) return;
    clearTimeout(each.clock);
    running.delete(number);
    each.job.end(ends);
    on.ended();
    if (state === 'leaving') leaveIfDone();
  }

  /** With several in a blocked process each is a suspect: they run alone next, and there the one is told from the others. */
  function endWithPlace({ abortedBy, hasBegun }: Running, reason: string): Ended {
    if (!hasBegun) return { kind: 'interrupted' };
    if (verdict === 'died') return { kind: 'crashed', reason };
    if (verdict === 'blocked' && running.size > 1)
      return { kind: 'crashed', reason: `one of ${running.size} calls blocked their process` };
    return abortedBy === 'timeout'
      ? { kind: 'timeout', reason: 'its time was over, and it did not heed its signal' }
      : { kind: 'interrupted' };
  }

  function abort(each: Running, why: Why): void {
    if (each.abortedBy !== null) return;
    if (!each.hasBegun) return ended(each.number, interrupted(each.job));
    each.abortedBy = why;
    clearTimeout(each.clock);
    place.send([['abort', each.number, why]]);
    each.clock = setTimeout(() => overdue(each), graceMs);
  }

  /** Its handler has not returned after its abort. Others get as long again, unless the loop stands still. */
  function overdue(each: Running): void {
    each.isOverdue = true;
    const facts = { pid: place.pid };
    if (!each.isHeard) {
      log.warn(
        { runbook: 'handlers-fail', ...facts },
        'A handler blocks its process, which is killed and replaced',
      );
      leave();
      return kill('blocked');
    }
    log.warn(
      { runbook: 'handlers-fail', ...facts },
      'A handler goes on after its abort. Its process is replaced',
    );
    if (state === 'leaving') leaveIfDone();
    else drain(graceMs);
  }

  function drain(ms: number): void {
    if (state === 'gone') return;
    leave();
    clearTimeout(patience);
    if (ms > 0) patience = setTimeout(() => kill('killed'), ms);
    else if (running.size > 0) return kill('killed');
    leaveIfDone();
  }

  function leave(): void {
    if (state === 'leaving') return;
    state = 'leaving';
    on.leaving();
  }

  function leaveIfDone(): void {
    const rest = [...running.values()];
    if (rest.length > 0) return rest.every((each) => each.isOverdue) ? kill('killed') : undefined;
    clearTimeout(patience);
    if (verdict !== 'died') return;
    verdict = 'left';
    place.leave();
  }

  function kill(why: 'killed' | 'blocked'): void {
    verdict = why;
    place.kill();
  }

  function died(reason: string): void {
    state = 'gone';
    hasStarted();
    clearTimeout(patience);
    for (const each of running.values()) {
      clearTimeout(each.clock);
      each.job.end(each.job.calls.map(() => endWithPlace(each, reason)));
    }
    running.clear();
    left.resolve();
    on.gone(verdict === 'died' ? reason : null);
  }

  const place = open({ told: (all) => all.forEach(hear), died });
  const slow = setTimeout(() => {
    const facts = { pid: place.pid, file };
    log.warn(
      { runbook: 'handlers-fail', ...facts },
      'The handlers do not start yet: their file still runs what it does on import',
    );
  }, slowStartMs);
  const starting = setTimeout(() => {
    const facts = { pid: place.pid, file };
    log.error(
      { runbook: 'handlers-fail', ...facts },
      'The import of a file of workers has not ended for a minute: it is begun again',
    );
    kill('killed');
  }, START_MS);
  function hasStarted(): void {
    clearTimeout(slow);
    clearTimeout(starting);
  }

  return {
    pid: place.pid,
    isUp: () => state === 'up',
    wasUp: () => wasUp,
    running: () => running.size,
    begin(job: Job): void {
      const number = (numbers += 1);
      const time = job.hook === null ? timeoutMs : hookMs;
      const clock = setTimeout(() => abort(each, 'timeout'), time);
      const each: Running = {
        ...{ job, number, clock, hasBegun: false },
        ...{ abortedBy: null, isHeard: false, isOverdue: false },
      };
      running.set(number, each);
      const run = (): void => {
        if (running.get(number) !== each) return;
        each.hasBegun = true;
        place.send([['run', number, job.calls, job.isBatch, job.hook]]);
      };
      if (job.noted === null) run();
      else job.noted().then(run, () => ended(number, interrupted(job)));
    },
    /** Aborts the signals of those jobs. */
    abort(why: Why, isMeant: (job: Job) => boolean = () => true): void {
      for (const each of running.values()) if (isMeant(each.job)) abort(each, why);
    },
    /** Takes no more jobs, and ends when what runs has ended, or after so long, ms. */
    drain,
    left: left.promise,
  };
}
