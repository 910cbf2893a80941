/**
 * How the answers of a legacy system are read: values in, a reading out. What the configuration says of the system is the
 * contract; what it does not say is in doubt after a POST, and asked again after a GET.
 */
import { idIn } from '../path.ts';
import { textOf, valueAtPointer } from './json-values.ts';
import { readMatches, type Looked, type LookUpFields } from './look-up.ts';
import {
  lookUpMeant,
  pollMeant,
  retryAfterMs,
  submitMeant,
  type LookUpMeaning,
  type PollMeaning,
  type Statuses,
  type SubmitClass,
  type SubmitMeaning,
} from './statuses.ts';
import { meaningIn, type Words } from './words.ts';

/** Kinds of systems that have a name; src/config/presets.ts describes them. */
export const PRESETS = ['json-status', 'location-202', 'error-in-200'] as const;
export type Preset = (typeof PRESETS)[number];

export interface Contract {
  submit: Omit<Words<SubmitClass>, 'state'> & {
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
    /** What must be the request id, where it is there. Null: nothing is compared. */
    requestId: string | null;
  };
  lookup: LookUpFields & { statuses: Statuses<LookUpMeaning> };
  isRequestId: (text: string) => boolean;
  /** What of a text is the request id; null where there is none, or all of it is to be. */
  requestIdWithin: ((text: string) => string | null) | null;
  /** The path and query that a `Location` leads to from ours; null where it leads to another origin. */
  pathOf: (location: string) => string | null;
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
}

export interface Read<R> {
  reading: R;
  /** For people, without a word of the answer. */
  because: string;
}

export type SubmitReading =
  | { kind: 'accepted'; requestId: string; retryAfter?: number }
  | {
      kind: Exclude<SubmitMeaning, 'accepted'>;
      /** In its words where it has some. */
      reason: string;
      /** In ours: it may be logged. */
      fault: string;
      retryAfter: number | null;
    };

export function readSubmit(contract: Contract, answer: Answered): Read<SubmitReading> {
  const { submit } = contract;
  const { status, body } = answer;
  const words = reasonAt(body, submit.reason);
  const retryAfter = restOf(answer);
  const meant = submitMeant(status, submit.statuses, words !== null);
  let { meaning } = meant;
  let because = `HTTP ${status} means ${meaning} (${meant.from})`;
  if (meaning === 'accepted' && submit.state !== null) {
    const told = meaningIn(body, { ...submit, state: submit.state }, 'legacy.submit');
    meaning = told.meaning ?? 'unknown';
    because += `; ${told.because}${why(answer)}`;
  }
  if (meaning !== 'accepted') {
    const fault = meant.meaning === 'accepted' ? because : `HTTP ${status}`;
    return { reading: { kind: meaning, reason: words ?? fault, fault, retryAfter }, because };
  }
  const { requestId, from } = requestIdOf(contract, answer);
  if (requestId === null) {
    const fault = `HTTP ${status} without a readable request id ${from}${why(answer)}`;
    const reading = { kind: 'unknown', reason: fault, fault, retryAfter } as const;
    return { reading, because: `${because}; ${fault}` };
  }
  const accepted = { kind: 'accepted', requestId, ...restIn(answer) } as const;
  return { reading: accepted, because: `${because}; the request id stands ${from}` };
}

function requestIdOf(
  { submit, poll, isRequestId, requestIdWithin, pathOf, prefix }: Contract,
  { headers, body }: Answered,
): { requestId: string | null; from: string } {
  const name = submit.requestIdHeader;
  const from = name === null ? `at "${submit.requestId}"` : `in the header ${name}`;
  const value =
    name === null
      ? valueAtPointer(body, submit.requestId)
      : [headers[name.toLowerCase()]].flat()[0];
  const text = textOf(value) ?? null;
  const isLocation = name?.toLowerCase() === 'location' && requestIdWithin === null;
  const requestId =
    text === null
      ? null
      : isLocation
        ? idIn(prefix + poll.path, pathOf(text) ?? '')
        : requestIdWithin === null
          ? text
          : requestIdWithin(text);
  return { requestId: requestId !== null && isRequestId(requestId) ? requestId : null, from };
}

export type PollReading =
  | { kind: 'processing'; retryAfter?: number }
  | { kind: 'done' }
  | { kind: 'failed'; reason: string }
  | { kind: 'unreadable'; reason: string; retryAfter: number | null };

/** `result`: the answer to a GET of this path says how it ended (readResult). */
export type FirstReading = PollReading | { kind: 'result'; path: string };

export function readPoll(
  contract: Contract,
  answer: Answered,
  requestId: string,
): Read<FirstReading> {
  const { poll, pathOf } = contract;
  const { status, headers, body } = answer;
  const { meaning, from } = pollMeant(status, poll.statuses);
  const because = `HTTP ${status} means ${meaning} (${from})`;
  const not = (reason: string): Read<PollReading> => unreadable(answer, reason, because);
  switch (meaning) {
    case 'unreadable':
      return not(`HTTP ${status}`);
    case 'processing':
      return { reading: { kind: meaning, ...restIn(answer) }, because };
    case 'result': {
      const path = pathOf([headers['location']].flat()[0] ?? '');
      if (path === null) return not('no Location of the same origin, where the result is to be');
      return { reading: { kind: 'result', path }, because };
    }
    case 'done':
    case 'failed':
      // A page in its place may have any status.
      if (body === null && status !== NO_CONTENT) return not(`HTTP ${status} without JSON`);
      return { reading: ended(meaning, body, poll.reason), because };
    case 'state': {
      const about = poll.requestId === null ? null : (valueAtPointer(body, poll.requestId) ?? null);
      if (about !== null && !isAbout(contract, about, requestId))
        return not('the answer is about another request');
      return readState(contract, answer, because);
    }
  }
}

/** What stands where the status has led to: it is over, so that only a word for another end says otherwise. */
export function readResult(contract: Contract, answer: Answered): Read<PollReading> {
  const { status, body } = answer;
  const because = `the result: HTTP ${status}`;
  if (status < 200 || status > 299 || typeof body !== 'object' || body === null)
    return unreadable(answer, `${because} without JSON`, because);
  if (valueAtPointer(body, contract.poll.state) === undefined)
    return {
      reading: { kind: 'done' },
      because: `${because}, with nothing at "${contract.poll.state}"`,
    };
  return readState(contract, answer, because);
}

function readState({ poll }: Contract, answer: Answered, so: string): Read<PollReading> {
  const { meaning, because } = meaningIn(answer.body, poll, 'legacy.poll');
  const all = `${so}; ${because}`;
  if (meaning === null) return unreadable(answer, because, so);
  if (meaning === 'processing')
    return { reading: { kind: meaning, ...restIn(answer) }, because: all };
  return { reading: ended(meaning, answer.body, poll.reason), because: all };
}

const ended = (kind: 'done' | 'failed', body: unknown, pointer: string): PollReading =>
  kind === 'done' ? { kind } : { kind, reason: reasonAt(body, pointer) ?? 'no reason given' };

/** The request id as it was read from the answer to the POST, or as that was written there. */
const isAbout = ({ requestIdWithin }: Contract, value: unknown, requestId: string): boolean => {
  const text = textOf(value);
  return text !== undefined && (text === requestId || requestIdWithin?.(text) === requestId);
};

/** `byBareStatus`: by a status, not by an empty list. */
export type LookUpReading =
  | Exclude<Looked, { kind: 'unreadable' | 'absent' }>
  | { kind: 'absent'; byBareStatus: boolean }
  | { kind: 'unreadable'; reason: string; retryAfter: number | null };

export function readLookUp(contract: Contract, answer: Answered, id: string): Read<LookUpReading> {
  const { status, body } = answer;
  const { meaning, from } = lookUpMeant(status, contract.lookup.statuses);
  const because = `HTTP ${status} means ${meaning} (${from})`;
  if (meaning === 'unreadable') return unreadable(answer, `HTTP ${status}`, because);
  if (meaning === 'absent') return { reading: { kind: meaning, byBareStatus: true }, because };
  const looked = readMatches(body, id, contract.lookup, contract.isRequestId);
  if (looked.kind === 'unreadable') return unreadable(answer, looked.reason, because);
  const reading = looked.kind === 'absent' ? { ...looked, byBareStatus: false } : looked;
  return { reading, because };
}

const NO_CONTENT = 204;

function unreadable(answer: Answered, fault: string, because: string) {
  const reason = fault + why(answer);
  const reading = { kind: 'unreadable', reason, retryAfter: restOf(answer) } as const;
  return {
    reading,
    because: fault === `HTTP ${answer.status}` ? because : `${because}; ${reason}`,
  };
}

const why = ({ trouble }: Answered): string => (trouble === null ? '' : `: ${trouble}`);

/** How long it asks to be left alone, ms. */
const restOf = ({ headers }: Answered): number | null =>
  retryAfterMs([headers['retry-after']].flat()[0], Date.now());

const restIn = (answer: Answered): { retryAfter?: number } => {
  const retryAfter = restOf(answer);
  return retryAfter === null ? {} : { retryAfter };
};

function reasonAt(body: unknown, pointer: string): string | null {
  const reason = valueAtPointer(body, pointer);
  return typeof reason === 'string' && reason.trim() !== '' ? reason.slice(0, 500) : null;
}
