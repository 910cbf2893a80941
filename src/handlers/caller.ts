/** Calls of one worker's handlers: how many at once, in which place, and what becomes of them when a place goes. */
import { setTimeout as delay } from 'node:timers/promises';
import type { Call, CallOptions, Caller, Ended, Hook } from '../workers/call.ts';
import type { HandlerModule } from './handler-module.ts';
import { openHere } from './here.ts';
import {
  createHost,
  interrupted,
  type Host,
  type HostEvents,
  type HostRules,
  type Job,
} from './host.ts';
import { createPost } from './post.ts';
import { startProcess } from './process.ts';

export interface CallerOptions extends Omit<
  HostRules,
  'graceMs' | 'hookMs' | 'slowStartMs' | 'file'
> {
  module: HandlerModule;
  /** What user code sees of the environment. */
  env: Readonly<Record<string, string | undefined>>;
  /** Calls and batches at once, over all processes; calls that run alone count, too. */
  concurrency: number;
  /** False: in this process, for a debugger. Nothing is killed, and `alone` is nothing else then. */
  isolate?: boolean;
  /** Of the user, for the log. */
  file?: string;
  /** From the start of a process until it is told that the file keeps it waiting, ms. */
  slowStartMs?: number;
  /** From the begin of a hook until it is waited for no longer, ms. */
  hookMs?: number;
  /** From an abort until the process is replaced, ms. */
  graceMs?: number;
  /** From the abort of a stop until the processes are killed, ms. */
  stopGraceMs?: number;
}

export interface Handlers extends Caller {
  /** New code, in new processes; what still runs in the old ones after 2 s is `interrupted`. */
  replace(module: HandlerModule): void;
}

const SLOW_START_MS = 10_000;
const HOOK_MS = 30_000;
const GRACE_MS = 10_000;
const STOP_GRACE_MS = 2_000;
const REPLACE_MS = 2_000;
/** Hooks that wait: more are left out. */
const MOST_HOOKS = 1_000;
/** The process of calls that run alone is kept so long for the next. */
const IDLE_MS = 30_000;

export function createCaller(options: CallerOptions): Handlers {
  const { concurrency, log, isolate = true } = options;
  const { hookMs = HOOK_MS, graceMs = GRACE_MS, slowStartMs = SLOW_START_MS, file = '' } = options;
  const rules = { ...options, hookMs, graceMs, slowStartMs, file };
  const hosts = new Set<Host>();
  const waiting: Job[] = [];
  const waitingAlone: Job[] = [];
  /** As many as calls run beside those: one that hangs holds up no call. */
  const hooks: Job[] = [];
  let runningHooks = 0;
  let areLeftOut = false;
  let module = options.module;
  let isStopping = false;
  let idle: NodeJS.Timeout | undefined;
  let whenIdle = () => {};

  function openHost(on: HostEvents): Host {
    const host: Host = createHost(
      (events) =>
        isolate
          ? startProcess(module, { env: options.env, log }, events)
          : openHere(module, events),
      rules,
      {
        ...on,
        gone: (reason) => {
          hosts.delete(host);
          on.gone(reason);
        },
      },
    );
    hosts.add(host);
    return host;
  }

  const running = () => [...hosts].reduce((count, host) => count + host.running(), 0);
  const isNeeded = () => !isStopping;
  const isNeededAlone = () => waitingAlone.length > 0;
  const common = createPost(openHost, isNeeded, begin, log);
  const alone = createPost(openHost, isNeededAlone, begin, log);

  /** Whoever can begin does; suspects first, because they are few. */
  function begin(): void {
    const isFree = (): boolean => running() - runningHooks < concurrency;
    alone.fill();
    beginAll(waitingAlone, isFree, () => (alone.host()?.running() === 0 ? alone.host() : null));
    beginAll(waiting, isFree, common.host);
    beginAll(hooks, () => runningHooks < concurrency, common.host);
    areLeftOut &&= hooks.length > 0;
    if (running() === 0) whenIdle();
  }

  function beginAll(queue: Job[], isFree: () => boolean, hostForNext: () => Host | null): void {
    while (queue.length > 0 && isFree()) {
      const host = hostForNext();
      const job = host === null ? undefined : queue.shift();
      if (host === null || job === undefined) return;
      clearTimeout(job.isAlone ? idle : undefined);
      if (job.hook !== null) runningHooks += 1;
      host.begin(job);
    }
  }

  function take(
    calls: Call[],
    isBatch: boolean,
    { alone: isAlone = false, noted }: CallOptions = {},
  ): Promise<Ended[]> {
    return new Promise((resolve) => {
      const end = (ends: Ended[]): void => {
        if (isAlone) keepAlone();
        resolve(ends);
      };
      const job: Job = {
        calls,
        isBatch,
        hook: null,
        isAlone,
        noted: noted ?? null,
        cancelled: new Set(),
        end,
      };
      if (isStopping) return drop(job);
      (isAlone ? waitingAlone : waiting).push(job);
      begin();
    });
  }

  const drop = (job: Job): void => job.end(interrupted(job));

  function keepAlone(): void {
    clearTimeout(idle);
    const host = alone.host();
    if (host !== null) idle = setTimeout(() => host.drain(rules.graceMs), IDLE_MS).unref();
  }

  async function untilIdle(ms: number): Promise<void> {
    const enough = new AbortController();
    const late = delay(ms, undefined, { signal: enough.signal }).catch(() => {});
    const idleNow = new Promise<void>((resolve) => (whenIdle = resolve));
    if (running() > 0) await Promise.race([late, idleNow]);
    enough.abort();
  }

  function tell(call: Call, hook: Hook): void {
    if (isStopping) return;
    if (hooks.length >= MOST_HOOKS) return leaveOut();
    const end = (): void => void (runningHooks -= 1);
    const rest = { isBatch: false, isAlone: false, noted: null, cancelled: new Set<string>() };
    hooks.push({ ...rest, calls: [call], hook, end });
    begin();
  }

  function leaveOut(): void {
    options.count('hook.left-out', 1);
    if (!areLeftOut)
      log.warn(
        { runbook: 'handlers-fail', file },
        `${MOST_HOOKS} hooks of a worker wait: more are left out until they have run. They may hang, or take longer than the handler`,
      );
    areLeftOut = true;
  }

  common.fill();
  return {
    async call(call, options) {
      const [end] = await take([call], false, options);
      return end ?? { kind: 'interrupted' };
    },
    callBatch: (calls, options) => take(calls, true, options),
    tell,
    cancel(id) {
      const isMeant = (job: Job): boolean => {
        if (job.calls.some((call) => call.id === id)) job.cancelled.add(id);
        return job.cancelled.size === job.calls.length;
      };
      for (const queue of [waiting, waitingAlone])
        for (const job of queue.filter(isMeant)) {
          queue.splice(queue.indexOf(job), 1);
          drop(job);
        }
      for (const host of hosts) host.abort('cancelled', isMeant);
    },
    replace(next) {
      module = next;
      for (const post of [common, alone]) post.renew(REPLACE_MS);
    },
    async stop(finishWithinMs) {
      isStopping = true;
      for (const post of [common, alone]) post.close();
      [...waiting.splice(0), ...waitingAlone.splice(0)].forEach(drop);
      hooks.length = 0;
      await untilIdle(finishWithinMs);
      for (const host of hosts) host.abort('stopping');
      await untilIdle(options.stopGraceMs ?? STOP_GRACE_MS);
      clearTimeout(idle);
      const last = [...hosts];
      for (const host of last) host.drain(0);
      await Promise.all(last.map((host) => host.left));
    },
  };
}
