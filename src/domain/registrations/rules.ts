/** What a run must know of the configuration; an argument, because workflow code may read nothing else. ms. */
import type { PollPlan } from './poll-plan.ts';

export interface Rules {
  deadline: number;
  maxOpen: number;
  onUnknown: 'ask' | 'lookup' | 'resubmit';
  /** With `lookup`: how long after a lost answer a registration that is not found counts as never taken. */
  lookUpAfter?: number;
  plan: PollPlan;
  /** Rest before what was answered "not now" is tried again; longer rests are Temporal's retry policy. */
  pause: number;
  /** When the journal of an item in doubt is read again, after each other. */
  rechecks: number[];
  /** Whether claim, poll and persist are tried once inside the workflow task, before the server is given them. */
  localFirst: boolean;
  /** Events after which a run continues as new, with a short history. */
  maxHistoryEvents: number;
}
