/** The configuration of a run: an argument, because workflow code may read nothing else. In ms. */
import type { PollPlan } from './poll-plan.ts';

export interface Rules {
  deadline: number;
  maxOpen: number;
  onUnknown: 'ask' | 'lookup' | 'resubmit';
  /** With `lookup`: for so long after a lost answer "absent" is not believed. */
  lookUpAfter?: number;
  plan: PollPlan;
  /** Rest after "not now"; longer rests are Temporal's retry policy. */
  pause: number;
  /** Rests before the journal of an item in doubt is read again. */
  rechecks: number[];
  /** Whether claim, poll and persist are first tried inside the workflow task. */
  localFirst: boolean;
  /** A run with more events continues as new. */
  maxHistoryEvents: number;
}
