/** A redrive as its workflow carries it, whatever the flow. */

export interface RedriveOrder {
  /** Ids of items, or names of records; none for all that the rest chooses. */
  ids: string[];
  class: string | null;
  /** A text, or `/a pattern/`. */
  reason: string | null;
  /** A folded reason: those of one group. */
  group?: string | null;
  /** ms before the redrive began; null for any age. */
  olderThan: number | null;
  newerThan: number | null;
  /** null for all. */
  limit: number | null;
  /** Records redriven so often already are passed over. */
  maxRedrives: number;
  /** Whether those go, too, that others have put into the queue. */
  foreign: boolean;
  /** Only what may pass by itself, after rests that double; of tasks. */
  byItself?: boolean;
  /** null for as fast as it goes. */
  perSecond: number | null;
  /** So many first, and the others only if all of those end well in time; null for none. */
  canary: { count: number; timeoutMs: number } | null;
}

export interface Redriving {
  order: RedriveOrder;
  /** Epoch ms. Later failures are not sent: this redrive may have sent them. */
  asOf: number;
  /** `_id` of its action. */
  action: string;
}

/** What is written down of it; `via` and `role` as coordination/actions.ts has them. */
export interface RedriveSaid {
  by: string;
  reason: string | null;
  on: string;
  via?: 'page';
  role?: string;
  /** Of its order, so that it can be begun again. */
  order?: { class: string | null; group: string | null };
}

export interface RedriveInput {
  order: RedriveOrder;
  /** As it may be shown. */
  said: RedriveSaid;
  /** null for one that begins. */
  carried: { asOf: number; report: PassReport } | null;
}

/** A record that is tried first, and where its outcome will be. */
export interface Canary {
  /** As it may be shown. */
  id: string | null;
  /** See `recordKey`. */
  record: string;
  bodyHash: string;
  /** The claim of the next generation; null for what is no item. */
  next: string | null;
  /** The claim of a conflict, which is taken up again, and when it was taken the last time. */
  again: { key: string; claimedAt: number } | null;
}

/** As its flow says it; `open`: nothing is known of it in time. */
export type CanaryOutcome = string;

/** How an item ends that has not failed, of registrations and of tasks. */
export const isGoodEnd = (outcome: CanaryOutcome): boolean =>
  outcome === 'registered' || outcome === 'done';

export interface CanaryReport {
  /** All ended well. */
  passed: boolean;
  outcomes: { id: string | null; outcome: CanaryOutcome }[];
}

/** Records that are left where they are for one cause; `some` as they may be shown. */
export interface Withheld {
  count: number;
  some: (string | null)[];
}

/** Found by the last look into the failure queue. */
export interface Pass {
  isDone: boolean;
  left: number;
  /** Left there, since they were redriven too often. */
  atCap: number;
  /** Left there, since others have put them there. */
  foreign: number;
  /** Left there, since their token does not count: they would be dropped as duplicates. */
  withheld: Withheld;
  /** Left there, since their claims have expired, and they may be filed: they would be POSTed as new. */
  expired: Withheld;
  /** Not in the queue at this moment, and nobody is known to have taken them: somebody reads it, or has taken them. */
  held: number;
}

/** Before anything is found. @param left in the queue */
export const nothingFound = (left: number): Omit<Pass, 'isDone'> => ({
  ...{ left, atCap: 0, foreign: 0, held: 0 },
  withheld: { count: 0, some: [] },
  expired: { count: 0, some: [] },
});

const TOLD = 5;

export function withhold(withheld: Withheld, id: string | null): void {
  withheld.count += 1;
  if (withheld.some.length < TOLD) withheld.some.push(id);
}

export interface PassReport extends Omit<Pass, 'isDone'> {
  canary: CanaryReport | null;
  /** Somebody said `stop`. */
  isStopped: boolean;
  /** Why it could not go on, if so. */
  failure: string | null;
}

export interface RedriveReport extends PassReport {
  /** After a worker was killed a few that were sent may not be counted. */
  sent: number;
}

/** Of the attempt of an activity: see activities/heartbeat.ts. */
interface Live {
  signal: AbortSignal;
  maySend(): boolean;
}

/** A worker's part in it. */
export interface RedriveWork {
  begin(action: string, said: RedriveInput['said']): Promise<void>;
  /** Takes none out. */
  chooseCanaries(redriving: Redriving, count: number, live: Live): Promise<Canary[]>;
  /** Ends early, and not done, when it is cancelled, and before the broker would take the records away. @param only records of canaries; null for all */
  move(redriving: Redriving, only: string[] | null, live: Live): Promise<Pass>;
  /** Until all have an outcome, `until` (epoch ms) is over, or it is cancelled; or earlier, as `move`. */
  awaitCanaries(
    redriving: Redriving,
    canaries: Canary[],
    until: number,
    live: Live,
  ): Promise<CanaryOutcome[]>;
  end(action: string, report: PassReport): Promise<RedriveReport>;
}
