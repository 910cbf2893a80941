/** The answers of activities, by index. Times are epoch ms by MongoDB's clock; rests are in ms, since a run has Temporal's. */
import type { Begin } from './admission.ts';
import type { Settling } from './item.ts';
import type { PollPlan } from './poll-plan.ts';

/** Of a claim taken from a dead run that had decided its end and not settled it. */
type Conclusion = Pick<
  Settling,
  'entry' | 'outcome' | 'requestId' | 'acceptedAt' | 'polls' | 'doubt'
>;

export type ClaimAnswer =
  | ({ index: number; claim: string } & Begin)
  | ({ index: number; claim: string; kind: 'concluded' } & Conclusion)
  | { index: number; kind: 'duplicate' }
  | { index: number; kind: 'conflict'; claim: string; reason: string }
  | { index: number; kind: 'undecided' }; // another run has the claim, and whether that is alive is not known yet

/** `waiting` for its turn, or `on the wire`: answered neighbours did not wait for it. */
type Waiting = { index: number; kind: 'waiting' };
type OnTheWire = { index: number; kind: 'on the wire' };

/** By the journal, of a submission that was just sent or is read again. */
export type SubmitAnswer =
  | { index: number; kind: 'accepted'; requestId: string; at: number; retryAfter?: number }
  | { index: number; kind: 'refused'; reason: string }
  | { index: number; kind: 'not-accepted'; reason: string; retryAfter: number | null }
  | { index: number; kind: 'unknown'; reason: string; needsPerson?: true } // only a person may say what comes next
  | { index: number; kind: 'pending'; rest: number } // it may be on the wire: the journal is read again after that, ms
  | Waiting
  | { index: number; kind: 'resubmit' }
  | { index: number; kind: 'abandoned'; reason: string };

/** By the journal, or else by a look-up in the legacy system. */
export type LookUpAnswer =
  | SubmitAnswer
  | { index: number; kind: 'absent'; rest: number } // too early to believe it: look again after that, ms
  | { index: number; kind: 'ambiguous'; reason: string }
  | { index: number; kind: 'unreadable'; reason: string; retryAfter: number | null }
  | OnTheWire;

export type PollAnswer =
  | { index: number; kind: 'processing'; retryAfter?: number } // ms: not to be asked before
  | { index: number; kind: 'done' }
  | { index: number; kind: 'failed'; reason: string }
  | { index: number; kind: 'unreadable'; reason: string; retryAfter: number | null }
  | { index: number; kind: 'deferred'; reason: string; retryAfter: number } // not asked: a limit or the circuit breaker
  | OnTheWire
  | Waiting;

/** Beside the answers of polls: a plan that is clearly better than the run's. */
export interface NewPlan {
  kind: 'plan';
  plan: PollPlan;
}

export type SettleAnswer =
  | { index: number; kind: 'settled' }
  | { index: number; kind: 'missing' } // no such document, and mongodb.upsert is off
  | { index: number; kind: 'setAside' } // can never be stored: set aside, with an alert
  | { index: number; kind: 'leftover' };
