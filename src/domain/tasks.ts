/**
 * A task in its run: a union by phase, what an answer makes of it, and when it is tried again. Pure.
 *
 *   claim ──► handle ──► publish ──► settled
 *               └ again, after its rest ─┘└► bury ──► settled
 *
 * Retries are timers of the run, not of Temporal's policies: each task of a run has attempts and rests of its own, and a retry of
 * the activity would run its finished neighbours again (docs/decisions/0020-task-retries.md).
 */
import { restBefore, type Backoff } from './backoff.ts';
import { inTurn } from './lanes.ts';
import type { Origin } from './origin.ts';
import type { Flow, NoAnswer, Run, RunItem } from './run.ts';

/** How a task can fail. */
export const TASK_FAILURES = [
  'malformed',
  'unknown-type',
  'id-conflict',
  'permanent',
  'in-doubt',
  'exhausted',
  'timeout',
  'crashed',
  'cancelled',
] as const;
export type TaskFailure = (typeof TASK_FAILURES)[number];

/** Those that may pass by themselves: the attempt is made again, and later the dead letter redriven. */
export type Transient = Extract<TaskFailure, 'exhausted' | 'timeout'>;
export const isTransient = (failure: TaskFailure): failure is Transient =>
  failure === 'exhausted' || failure === 'timeout';

export interface RetryRules extends Backoff {
  /** Attempts after the first: 3 make four in all. */
  max: number;
}

/** What a run takes along of its worker: an argument, because workflow code may read nothing else. ms */
export interface TaskRules {
  worker: string;
  retry: RetryRules;
  /** Before a step of ours that had no answer is tried again. */
  pause: number;
  /** Whether few tasks are first claimed inside the workflow task, and handled there. */
  localFirst: boolean;
  handlesLocally: boolean;
  /** Its handlers are ours and end no process: what ran in one that vanished is no suspect. Absent: they may. */
  isHarmless?: boolean;
  maxHistoryEvents: number;
}

/** A delivery, as intake hands it to a run. Times are epoch ms. */
export interface NewTask {
  id: string;
  /** The id as people may see it. */
  label: string;
  key: string | null;
  /** A hash of the key, where the worker keeps its order. */
  chain?: string;
  bodyHash: string;
  /** The body in base64, and the properties as the broker's room encodes them. */
  message: { body: string; properties: string };
  receivedAt: number;
  /** Its first attempt is not made before. */
  notBefore?: number;
  failedGeneration: number | null;
  token?: string;
  origin: Origin;
  /** The claim that it takes up as it is, with its message, from a run that has ended. */
  takes?: string;
}

interface Received extends RunItem {
  receivedAt: number;
  /** Those of one chain are handled one after the other (lanes.ts). */
  chain?: string;
}

export interface Claiming extends Received {
  phase: 'claim';
  task: NewTask;
}

interface Claimed extends Received {
  claim: string;
}

export interface Handling extends Claimed {
  phase: 'handle';
  /** The number of the next or current attempt, 1 for the first. */
  attempt: number;
  /** Its process has perhaps vanished with it. */
  isSuspect: boolean;
  /** The process that still runs it, by its task queue. */
  process: string | null;
}

/** Its result is in its claim. */
export interface Publishing extends Claimed {
  phase: 'publish';
}

export interface Burying extends Claimed {
  phase: 'bury';
  failure: TaskFailure;
  attempts: number;
}

export type TaskItem = Claiming | Handling | Publishing | Burying;

/**
 * `claimed`: also a claim of a dead run, with the attempts it has behind it, how the last one failed, and what it has said of the
 * next, epoch ms; or one that this run had before, when its process has perhaps died of it.
 */
export type TaskClaimAnswer = { index: number } & (
  | ({ kind: 'claimed'; claim: string; attempts: number } & ClaimedBefore)
  | { kind: 'handled'; claim: string }
  | { kind: 'failed'; claim: string; failure: TaskFailure; attempts: number }
  | { kind: 'duplicate' }
);

export interface ClaimedBefore {
  failure?: Transient;
  retryAt?: number;
  isSuspect?: boolean;
}

/**
 * What became of a call. `done`: recorded, and nothing is left to do. `recorded`: something is to be published. `again`: its
 * attempt failed; `retryAfter` ms wins over the curve. `interrupted`: it came to no end, and is handled again. `running`: that process still
 * has it. `held`: nothing was tried; it is called again after so many ms. `unclaimed`: its claim is gone, and its message with it.
 */
export type HandleAnswer = { index: number } & (
  | { kind: 'done' }
  | { kind: 'recorded' }
  | { kind: 'again'; failure: Transient; retryAfter: number | null }
  | { kind: 'failed'; failure: TaskFailure }
  | { kind: 'interrupted' }
  | { kind: 'held'; retryAfter: number }
  | { kind: 'running'; process: string }
  | { kind: 'unclaimed' }
);

export interface TaskSettleAnswer {
  index: number;
  kind: 'settled' | 'unclaimed';
}

/** The input of a run of tasks, and of what a lane is handed while it is open. */
export interface TaskRunInput {
  rules: TaskRules;
  /** The tasks of a new run … */
  items: NewTask[];
  /** … or what a run that continues as new still has open. */
  carried: Run<TaskItem> | null;
}

/** After so many deaths of its process with it alone, a task is a dead letter; before, it died among others. */
export const MOST_DEATHS = 2;
/** More tasks at once are handled outside the workflow task, where other processes can take a part. */
export const MOST_HANDLED_LOCALLY = 10;
/** The longest rest that a handler, or whoever sends a message, may ask for, ms. */
export const LONGEST_REST = 365 * 24 * 3_600_000;

/** @param first the index of the first of them */
export const newTasks = (tasks: readonly NewTask[], now: number, first = 0): Claiming[] =>
  tasks.map((task, n) => ({
    ...known({ ...task, index: first + n }, now),
    ...{ phase: 'claim', task },
  }));

type Known = Pick<Received, 'index' | 'label' | 'receivedAt' | 'chain'>;

const known = ({ index, label, receivedAt, chain }: Known, dueAt: number) => ({
  ...{ index, label, receivedAt, dueAt },
  ...{ busy: false, sick: false },
  ...(chain === undefined ? {} : { chain }),
});

const bury = (item: Claimed, failure: TaskFailure, attempts: number, now: number): Burying => ({
  ...known(item, now),
  ...{ phase: 'bury', claim: item.claim, failure, attempts },
});

export function afterTaskClaim(
  item: Claiming,
  answer: TaskClaimAnswer,
  rules: TaskRules,
  now: number,
): TaskItem | null {
  switch (answer.kind) {
    case 'duplicate':
      return null;
    case 'handled':
      return { ...known(item, now), phase: 'publish', claim: answer.claim };
    case 'failed':
      return bury({ ...item, claim: answer.claim }, answer.failure, answer.attempts, now);
    case 'claimed':
      if (answer.attempts > rules.retry.max)
        return bury(
          { ...item, claim: answer.claim },
          answer.failure ?? 'exhausted',
          answer.attempts,
          now,
        );
      return {
        ...known(item, restedAt(answer.retryAt ?? item.task.notBefore ?? now, now)),
        ...{ phase: 'handle', claim: answer.claim, attempt: answer.attempts + 1 },
        ...{ isSuspect: answer.isSuspect === true && rules.isHarmless !== true, process: null },
      };
  }
}

/** @param draw 0 to 1, for the jitter */
export function afterHandle(
  item: Handling,
  answer: HandleAnswer,
  { retry }: TaskRules,
  now: number,
  draw: number,
): TaskItem | null {
  const next = { ...item, busy: false, sick: false, dueAt: now, process: null };
  const { attempt } = item;
  switch (answer.kind) {
    case 'done':
    case 'unclaimed':
      return null;
    case 'recorded':
      return { ...known(item, now), phase: 'publish', claim: item.claim };
    case 'running':
      return { ...next, process: answer.process };
    case 'interrupted':
      return next;
    case 'held':
      return { ...next, dueAt: restedAt(now + Math.min(answer.retryAfter, LONGEST_REST), now) };
    case 'failed':
      return bury(item, answer.failure, attempt, now);
    case 'again': {
      if (attempt > retry.max) return bury(item, answer.failure, attempt, now);
      const rest = answer.retryAfter ?? restBefore(retry, attempt, draw);
      const dueAt = restedAt(now + Math.min(rest, LONGEST_REST), now);
      return { ...next, attempt: attempt + 1, dueAt };
    }
  }
}

/** Tasks whose rests end within this time go together, ms: none of them before its own. */
const TOGETHER_MS = 50;
const restedAt = (at: number, now: number): number =>
  at <= now ? now : Math.ceil(at / TOGETHER_MS) * TOGETHER_MS;

export const taskFlow = (rules: TaskRules): Flow<TaskItem> => ({
  apart: (item) => (item.phase === 'handle' ? (item.process ?? '') : ''),
  inTurn,
  comesAlong: () => 0,
  noAnswer: (item, why, now) => afterNoAnswer(item, why, rules, now),
  whenCancelled,
  backWhenCancelled: (_before, after, _isAnswered, now) => whenCancelled(after, now),
  howItLeft: (item, answer) =>
    answer === 'duplicate' || answer === 'unclaimed'
      ? answer
      : item.phase === 'bury'
        ? item.failure
        : 'done',
});

/**
 * A process that is not heard of has perhaps vanished with what it ran: each of those is a suspect. Who was begun in it as one, its claim
 * knows. Every other step of ours goes on after a rest.
 */
function afterNoAnswer(item: TaskItem, why: NoAnswer, rules: TaskRules, now: number): TaskItem {
  if (why === 'cancelled') return { ...item, busy: false, dueAt: now };
  if (item.phase === 'handle')
    return {
      ...item,
      busy: false,
      dueAt: now,
      process: null,
      isSuspect: rules.isHarmless !== true,
    };
  return { ...item, busy: false, sick: true, dueAt: now + rules.pause };
}

/** One that has a result keeps it; a claim is waited for, so that it is not left open. */
const whenCancelled = (item: TaskItem, now: number): TaskItem =>
  item.phase === 'handle' ? bury(item, 'cancelled', item.attempt - 1, now) : item;
