/** What is known of a legacy system, and an answer of it: the values that contract.ts reads. */
import type { Led } from '../path.ts';
import type { LookUpFields } from './look-up.ts';
import type { LookUpMeaning, PollMeaning, Statuses, SubmitClass } from './statuses.ts';
import type { Words } from './words.ts';

export interface Contract {
  submit: Omit<Words<SubmitClass>, 'state'> & {
    path: string;
    /** Null: the status alone tells. */
    state: string | null;
    statuses: Statuses<SubmitClass>;
    reason: string;
    requestId: string;
    /** The header that has the request id, instead of the body. */
    requestIdHeader: string | null;
  };
  poll: Words<'processing' | 'done' | 'failed'> & {
    path: string;
    statuses: Statuses<PollMeaning>;
    reason: string;
    /** What must be the request id: an end without it is not believed. Null: nothing is compared. */
    requestId: string | null;
  };
  lookup: LookUpFields & { statuses: Statuses<LookUpMeaning> };
  isRequestId: (text: string) => boolean;
  /** What of a text is the request id; null where there is none, or all of it is to be. */
  requestIdWithin: ((text: string) => string | null) | null;
  /** Where the `Location` of an answer leads to: from the path below LEGACY_URL that was asked for (RFC 9110 §10.2.2). */
  pathOf: (location: string, asked: string) => Led;
  /** Whether each request has a query parameter of this name. */
  isSentQuery: (name: string) => boolean;
  /** Before each path that is configured. */
  prefix: string;
}

export interface Answered {
  status: number;
  headers: Readonly<Record<string, string | string[] | undefined>>;
  /** As JSON; null where it is none. */
  body: unknown;
  /** Why the body could not be read; null where it could. */
  trouble: string | null;
  isEmpty: boolean;
}
