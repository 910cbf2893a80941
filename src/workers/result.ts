import type { TaskFailure } from '../domain/tasks.ts';

/** What became of a task. @typeParam Result what the handler returns */
export interface TaskResult<Result = unknown> {
  readonly worker: string;
  readonly id: string;
  /** `open`: it waits, runs, or rests before its next attempt. */
  readonly status: 'open' | 'done' | 'failed';
  /** What the handler returned; absent where that was nothing, it is not done, or results are not kept. */
  readonly result?: Result | Truncated;
  /** How it failed for good; while it is open, its last attempt. */
  readonly error: {
    readonly failure: TaskFailure;
    /** The worker's own word for it. */
    readonly class: string;
    readonly reason: string;
  } | null;
  readonly attempts: number;
  readonly receivedAt: Date;
  /** Of the last attempt. */
  readonly startedAt: Date | null;
  readonly finishedAt: Date | null;
  /** How often it was redriven. */
  readonly redrive: number;
}

/** In the place of a result that is too large to be kept. */
export interface Truncated {
  readonly truncated: true;
  /** Of its JSON. */
  readonly bytes: number;
}
