/**
 * Taking up again what a dead run has left: whose claim may be taken, and how its new owner goes on. Pure. What may have
 * been on the wire is never sent again: only what the journal knows not to be filed is.
 */
import type { ClaimAnswer } from './answers.ts';
import { nextEntry } from '../names.ts';
import type { Outcome } from './outcome.ts';

/** What Temporal says of the latest run under a workflow id. `closed`: however it ended. `unknown`: not known (any more). */
export type RunLife = 'running' | 'closed' | 'unknown';

/** Nobody goes on with it: a run that is closed ran its last code, however it ended. */
export const isDead = (run: RunLife): boolean => run !== 'running';

/** The latest submission under a claim, as the journal has it. Times are epoch ms. */
export interface Submission {
  entry: string;
  state:
    'intent' | 'accepted' | 'refused' | 'not-accepted' | 'unknown' | 'superseded' | 'abandoned';
  requestId: string | null;
  acceptedAt: number;
}

/** How a run had concluded what it did not live to settle. */
export interface Conclusion {
  outcome: Outcome;
  entry: string;
  requestId: string | null;
  acceptedAt: number | null;
  polls: number;
  doubt: boolean;
}

export type Granted = Extract<ClaimAnswer, { kind: 'claimed' | 'resumed' | 'in-doubt' }>;

/**
 * How the new owner goes on. `first` is what the claim was answered when it was made: it holds where the journal knows
 * nothing newer.
 */
export function takenUp(
  first: Granted,
  submission: Submission | null,
  conclusion: Conclusion | null,
): ClaimAnswer {
  const { index, claim } = first;
  // Its failure record may be out already: settled in any other way it would have two ends.
  if (conclusion !== null) return { index, kind: 'concluded', claim, ...conclusion };
  if (submission === null || first.kind === 'resumed') return first;
  const { entry, requestId, acceptedAt } = submission;
  switch (submission.state) {
    case 'accepted':
      return requestId === null
        ? { index, kind: 'in-doubt', claim, entry }
        : { index, kind: 'resumed', claim, entry, requestId, acceptedAt };
    case 'intent':
    case 'unknown':
      return { index, kind: 'in-doubt', claim, entry };
    case 'superseded':
      return { index, kind: 'claimed', claim, entry: nextEntry(entry) };
    // Submitting reads the journal first, and so settles what was refused or abandoned without a POST.
    case 'not-accepted':
    case 'refused':
    case 'abandoned':
      return { index, kind: 'claimed', claim, entry };
  }
}
