/**
 * Tests a worker without any server: the same code that a process runs makes the attempts, and the state machine of the product
 * decides about them, in virtual time.
 */
import { afterHandle, type Handling, type RetryRules, type TaskFailure } from '../domain/tasks.ts';
import { attempt, attemptBatch } from './attempt.ts';
import type { Call, Ended, Outgoing } from './call.ts';
import type { Around } from './context.ts';
import { answerOf } from './ended.ts';
import { hookAfter, runHook } from './hooks.ts';
import { identityOf } from './identity.ts';
import { rulesOf, type Given, type Worker } from './worker.ts';

export interface TestOptions {
  /** 1 unless it is given. */
  attempt?: number;
  headers?: Record<string, string>;
  /** That of `keyFrom`, or none, unless it is given. */
  key?: string | null;
  /** That of `idFrom`, or `test`, unless it is given. */
  id?: string;
  receivedAt?: Date;
  /** To abort the handler: with a `TimeoutError` as the reason its time is over, otherwise its process stops. */
  signal?: AbortSignal;
}

/** What becomes of a message. `published`: what goes out, the result first, where the worker has `to`. `after`: ms */
export type Outcome<Result> =
  | { kind: 'done'; result: Result; published: Outgoing[] }
  | { kind: 'retry'; after: number; class: string; reason: string }
  | { kind: 'dead'; failure: TaskFailure; class: string; reason: string }
  | { kind: 'interrupted' };

export interface Exhausted<Result> {
  /** Of the last attempt. */
  outcome: Outcome<Result>;
  attempts: number;
  /** When each attempt after the first fell due, in ms after the first. */
  dueAt: number[];
}

export interface TestedWorker<Input, Result> {
  /** One attempt. */
  run(message: Input, options?: TestOptions): Promise<Outcome<Result>>;
  /** One attempt with these bytes, which may be no message of the worker. */
  runBody(body: string | Uint8Array, options?: TestOptions): Promise<Outcome<Result>>;
  /** One call of `handleBatch`, or attempts side by side. Without `idFrom` their ids are test-1, test-2 … */
  runBatch(
    messages: readonly Input[],
    options?: Omit<TestOptions, 'id'>,
  ): Promise<Outcome<Result>[]>;
  /** Attempt after attempt, until it is done or dead. Nobody waits. */
  exhaust(message: Input, options?: Omit<TestOptions, 'attempt'>): Promise<Exhausted<Result>>;
  /** What was logged, by the handler and about it. */
  readonly logged: { level: string; sentence: string; facts: object }[];
  /** What `metrics.increment` has counted. */
  readonly counted: Record<string, number>;
}

/** @param given settings, for what the worker leaves open */
export function testWorker<Input, Result>(
  worker: Worker<Input, Result>,
  given?: Given,
): TestedWorker<Input, Result>;
export function testWorker(worker: Worker, given: Given = {}): TestedWorker<unknown, unknown> {
  const { retry } = rulesOf(worker, given);
  const logged: TestedWorker<unknown, unknown>['logged'] = [];
  const counted: Record<string, number> = {};
  const at =
    (level: string) =>
    (sentence: string, facts: object = {}) => {
      logged.push({ level, sentence, facts });
    };
  const log = { debug: at('debug'), info: at('info'), warn: at('warn'), error: at('error') };
  const increment = (name: string, by: number) => {
    counted[name] = (counted[name] ?? 0) + by;
  };
  const around = ({ signal = new AbortController().signal }: TestOptions): Around => ({
    ...{ signal, log, increment },
  });

  async function outcomeOf(
    call: Call,
    ended: Ended,
    options: TestOptions,
  ): Promise<Outcome<unknown>> {
    const hook = hookAfter(ended, call);
    if (hook !== null) await runHook(worker, call, hook, around(options));
    return outcomeAt(call.attempt, ended, retry);
  }

  async function runBody(body: string | Uint8Array, options: TestOptions = {}) {
    const call = await named(body, options);
    if ('kind' in call) return call;
    return outcomeOf(call, await attempt(worker, call, around(options)), options);
  }

  /** As intake reads it: what it cannot read gets no attempt. */
  async function named(body: string | Uint8Array, options: TestOptions, otherwise = 'test') {
    try {
      const own = await identityOf(worker, Buffer.from(body).toString('base64'));
      const { id = own.id ?? otherwise, key = own.key } = options;
      return callOf(body, { ...options, id, key }, retry);
    } catch (error) {
      const reason = `its id or key cannot be read: ${String(error)}`;
      return { kind: 'dead', failure: 'malformed', class: 'malformed', reason } as const;
    }
  }

  const run = (message: unknown, options?: TestOptions) =>
    runBody(JSON.stringify(message), options);

  return {
    ...{ run, runBody, logged, counted },
    async runBatch(messages, options = {}) {
      const all = await Promise.all(
        messages.map((message, index) =>
          named(JSON.stringify(message), options, `test-${index + 1}`),
        ),
      );
      const calls = all.flatMap((each) => ('kind' in each ? [] : each));
      const ends = await attemptBatch(worker, calls, around(options));
      const outcomes: Outcome<unknown>[] = [];
      for (const each of all) {
        const ended = 'kind' in each ? undefined : ends.shift();
        if ('kind' in each) outcomes.push(each);
        else if (ended !== undefined) outcomes.push(await outcomeOf(each, ended, options));
      }
      return outcomes;
    },
    async exhaust(message, options = {}) {
      const dueAt: number[] = [];
      for (let attempts = 1; ; attempts += 1) {
        const outcome = await run(message, { ...options, attempt: attempts });
        if (outcome.kind !== 'retry') return { outcome, attempts, dueAt };
        dueAt.push((dueAt.at(-1) ?? 0) + outcome.after);
      }
    },
  };
}

function callOf(body: string | Uint8Array, options: TestOptions, { max }: RetryRules): Call {
  const { attempt = 1, id = 'test', key = null, headers = {}, receivedAt = new Date() } = options;
  return {
    ...{
      id,
      attempt,
      key,
      headers,
      isLastAttempt: attempt > max,
      receivedAt: receivedAt.getTime(),
    },
    body: Buffer.from(body).toString('base64'),
  };
}

/** As the run decides it. The whole rest is taken where its length is drawn. */
function outcomeAt(attempt: number, ended: Ended, retry: RetryRules): Outcome<unknown> {
  const rules = {
    worker: '',
    retry,
    pause: 0,
    localFirst: false,
    handlesLocally: false,
    maxHistoryEvents: 0,
  };
  const item: Handling = {
    ...{ index: 0, label: '', busy: true, sick: false, dueAt: 0, receivedAt: 0, phase: 'handle' },
    ...{ claim: '', attempt, isSuspect: false, process: null },
  };
  const after = afterHandle(item, answerOf(ended, 0), rules, 0, 1);
  if (ended.kind === 'done')
    return { kind: 'done', result: ended.result, published: ended.outgoing };
  if (ended.kind === 'interrupted') return { kind: 'interrupted' };
  const what = { class: 'class' in ended ? ended.class : ended.kind, reason: ended.reason };
  if (after?.phase === 'bury') return { kind: 'dead', failure: after.failure, ...what };
  return { kind: 'retry', after: after?.dueAt ?? 0, ...what };
}
