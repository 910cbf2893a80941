/** How a registration can end. `registered` goes to MongoDB; every other outcome goes to the failure queue. */
export const OUTCOMES = [
  'registered', // the legacy system said it is done
  'rejected', // the legacy system refused the POST
  'failed', // the legacy system accepted it and failed, or something of ours went wrong for good
  'timed-out', // still readable as "processing" after legacy.deadline
  'conflict', // the id is taken by another body
  'malformed', // never was a registration: no workflow sees it
  'in-doubt', // nobody knows whether it was accepted, and an operator abandoned it
  'cancelled', // the run was cancelled
] as const;

export type OutcomeKind = (typeof OUTCOMES)[number];

/** Also the value of the header `x-despachante-class`. */
export type FailureClass = Exclude<OutcomeKind, 'registered'>;

/** `at`: epoch ms. `reason` is for people and holds no personal data of ours. */
export interface Outcome {
  kind: OutcomeKind;
  at: number;
  reason?: string;
  /** With `failed`: something of ours ended it, whatever the legacy system had made of it. */
  ours?: true;
}

export const isFailure = (kind: OutcomeKind): kind is FailureClass => kind !== 'registered';

export const FAILURE_CLASSES: readonly FailureClass[] = OUTCOMES.filter(isFailure);

/** Reasons of ends that are ours. For people only: the legacy system may use the same words. */
export const OUR_REASON = {
  internal: 'internal error',
  noDocument: 'no document to update, and mongodb.upsert is off',
} as const;

/**
 * Whether the legacy system may still have, or has finished, an accepted registration: its redrive asks on under the same
 * request id. Any other was ended by the legacy system, and is POSTed anew.
 */
export const isOpenThere = ({ kind, ours }: Pick<Outcome, 'kind' | 'ours'>): boolean =>
  kind === 'timed-out' || kind === 'cancelled' || (kind === 'failed' && ours === true);

/** Whether it is, or may be, with the legacy system still: a redrive goes on with its journal entry and POSTs nothing. */
export const mayBeFiled = (
  outcome: Pick<Outcome, 'kind' | 'ours'> & { doubt: boolean; requestId: string | null },
): boolean => outcome.doubt || (isOpenThere(outcome) && outcome.requestId !== null);

/** What a failure record tells; null for what it does not. */
interface Told {
  failureClass: string | null;
  reason: string | null;
  requestId: string | null;
  attempts: number | null;
}

/** The same of a failure of which nothing but its record is known any more. Where that leaves it open, it may be. */
export function mayBeFiledByRecord({ failureClass, reason, requestId, attempts }: Told): boolean {
  switch (failureClass) {
    case 'in-doubt':
      return true;
    case 'timed-out':
    case 'cancelled':
    case 'failed': {
      const isOurs = Object.values<string | null>(OUR_REASON).includes(reason);
      // A record does not tell of a doubt.
      const doubt = requestId === null && attempts !== 0;
      return mayBeFiled({
        kind: failureClass,
        requestId,
        doubt,
        ...(isOurs ? { ours: true } : {}),
      });
    }
    default:
      return false;
  }
}
