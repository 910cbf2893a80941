import type { HandleAnswer } from '../../src/domain/tasks.ts';
import type { Calls } from '../under-way.ts';

/** The calls of this process that outlive the activities which began them. */
export type RunningTasks = Calls<HandleAnswer>;

/** Tells the calls of one task apart: an attempt of a run that took it over is another. */
export const subjectOf = ({ claim, attempt }: { claim: string; attempt: number }): string =>
  `${claim} ${attempt}`;
