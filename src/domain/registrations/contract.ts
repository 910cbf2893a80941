/**
 * How the answers of a legacy system are read: values in, a reading out. What the configuration says of the system is the
 * contract; what it does not say is in doubt after a POST, and asked again after a GET.
 */
import { isSamePath, pathWith, type Led } from '../path.ts';
import type { Answered, Contract } from './described.ts';
import { valueAtPointer } from './json-values.ts';
import { readMatches, type Looked } from './look-up.ts';
import { headerOf, NO_HEADER, requestIdOf, whose } from './named.ts';
import {
  lookUpMeant,
  pollMeant,
  retryAfterMs,
  submitMeant,
  YEAR_MS,
  type SubmitMeaning,
} from './statuses.ts';
import { meaningIn } from './words.ts';

/** Kinds of systems that have a name; src/config/presets.ts describes them. */
export const PRESETS = ['json-status', 'location-202', 'error-in-200'] as const;
export type Preset = (typeof PRESETS)[number];

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
  const doubt = (fault: string) => ({ kind: 'unknown', reason: fault, fault, retryAfter }) as const;
  let { meaning } = meant;
  let because = `HTTP ${status} means ${meaning} (${meant.from})`;
  const { requestId, from, trouble } = requestIdOf(contract, answer);
  if (meaning === 'accepted' && submit.state !== null) {
    const told = meaningIn(body, { ...submit, state: submit.state }, 'legacy.submit');
    meaning = told.meaning ?? 'unknown';
    because += `; ${told.because}${why(answer)}`;
    if (meaning !== 'accepted' && meaning !== 'unknown' && requestId !== null) {
      because += `, which means ${meaning}, and yet a request id stands ${from}`;
      return { reading: doubt(because), because };
    }
  }
  if (meaning !== 'accepted') {
    const fault = meant.meaning === 'accepted' ? because : `HTTP ${status}`;
    return { reading: { kind: meaning, reason: words ?? fault, fault, retryAfter }, because };
  }
  if (requestId === null) {
    const fault = `HTTP ${status} without a readable request id ${from}${why({ trouble })}`;
    return { reading: doubt(fault), because: `${because}; ${fault}` };
  }
  const accepted = { kind: 'accepted', requestId, ...restIn(answer) } as const;
  return { reading: accepted, because: `${because}; the request id stands ${from}` };
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
  const { poll } = contract;
  const { status, body, trouble, isEmpty } = answer;
  const { meaning, from } = pollMeant(status, poll.statuses);
  const because = `HTTP ${status} means ${meaning} (${from})`;
  const not = (reason: string): Read<PollReading> => unreadable(answer, reason, because);
  switch (meaning) {
    case 'unreadable':
      return not(`HTTP ${status}`);
    case 'processing':
      // A page in its place may have any status.
      if (trouble !== null && !isEmpty) return not(`HTTP ${status} without JSON`);
      return { reading: { kind: meaning, ...restIn(answer) }, because };
    case 'result': {
      const asked = pathWith(poll.path, requestId) ?? poll.path;
      const location = headerOf(answer, 'location');
      const led: Led =
        location === undefined
          ? { path: null, fault: `no one Location: ${NO_HEADER}` }
          : contract.pathOf(location, asked);
      if (led.path === null) return unreadableAs(answer, led.fault, because);
      if (isSamePath(led.path, contract.prefix + asked, contract.isSentQuery))
        return unreadableAs(answer, 'Location leads to the address that was asked', because);
      return { reading: { kind: 'result', path: led.path }, because };
    }
    case 'done':
    case 'failed': {
      if (status === NO_CONTENT) return { reading: ended(meaning, body, poll.reason), because };
      if (!isDocument(body)) return not(`HTTP ${status} without a JSON object`);
      if (whose(contract, body, requestId) === 'another') return not(anothers(contract));
      // Its words say more than its status.
      const hasState = (valueAtPointer(body, poll.state) ?? null) !== null;
      const told = hasState ? meaningIn(body, { ...poll, otherwise: null }, 'legacy.poll') : null;
      if (told !== null && told.meaning !== null) return readState(contract, answer, because);
      return { reading: ended(meaning, body, poll.reason), because };
    }
    case 'state': {
      const whoseIt = whose(contract, body, requestId);
      if (whoseIt === 'another') return not(anothers(contract));
      const read = readState(contract, answer, because);
      const isEnd = read.reading.kind === 'done' || read.reading.kind === 'failed';
      return isEnd && whoseIt === 'nobody'
        ? not(`an end without a request id at legacy.poll.requestId ("${poll.requestId}")`)
        : read;
    }
  }
}

const anothers = ({ poll }: Contract): string =>
  `the answer is about another request, by legacy.poll.requestId ("${poll.requestId}")`;

/** The answer that led to a result. `requestId`: null where nobody knows it. */
export interface LedFrom {
  requestId: string | null;
  status: number;
}

/**
 * What stands where the status has led to. Only 303 is made to lead to a result (RFC 9110 §15.4.4): other redirects lead to a
 * login, too, so that a document which does not say its end is none after those.
 */
export function readResult(contract: Contract, answer: Answered, from: LedFrom): Read<PollReading> {
  const { status, body } = answer;
  const because = `the result: HTTP ${status}`;
  const not = (fault: string) => unreadable(answer, fault, because);
  if (status !== OK || !isDocument(body)) return not(`${because} without a JSON object`);
  const whoseIt = from.requestId === null ? 'ours' : whose(contract, body, from.requestId);
  if (whoseIt === 'another') return not(anothers(contract));
  const { state, words, requestId } = contract.poll;
  // With null among these words something has to be there.
  if (valueAtPointer(body, state) !== undefined || words.processing?.includes(null) === true)
    return readState(contract, answer, because);
  const nothing = `nothing at "${state}"`;
  if (from.status !== SEE_OTHER) return not(`${nothing}, where HTTP ${from.status} has led to`);
  const isNamed = requestId !== null && from.requestId !== null && whoseIt === 'ours';
  const known = isNamed
    ? 'and it names this request'
    : 'and nothing in it was compared: null under legacy.poll.words.processing has it asked for again until something is there';
  return { reading: { kind: 'done' }, because: `${because}, with ${nothing}, ${known}` };
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

const isDocument = (body: unknown): boolean =>
  typeof body === 'object' && body !== null && !Array.isArray(body);

/** `bareStatus`: the status that says so; null: an empty list does. */
export type LookUpReading =
  | Exclude<Looked, { kind: 'unreadable' | 'absent' }>
  | { kind: 'absent'; bareStatus: number | null }
  | { kind: 'unreadable'; reason: string; retryAfter: number | null };

export function readLookUp(contract: Contract, answer: Answered, id: string): Read<LookUpReading> {
  const { status, body } = answer;
  const { meaning, from } = lookUpMeant(status, contract.lookup.statuses);
  const because = `HTTP ${status} means ${meaning} (${from})`;
  if (meaning === 'unreadable') return unreadable(answer, `HTTP ${status}`, because);
  if (meaning === 'absent') return { reading: { kind: meaning, bareStatus: status }, because };
  const looked = readMatches(body, id, contract.lookup, contract.isRequestId);
  if (looked.kind === 'unreadable') return unreadable(answer, looked.reason, because);
  const reading = looked.kind === 'absent' ? { ...looked, bareStatus: null } : looked;
  return { reading, because };
}

const OK = 200;
const NO_CONTENT = 204;
export const SEE_OTHER = 303;

const unreadable = (answer: Answered, fault: string, because: string) =>
  unreadableAs(answer, fault + why(answer), because);

function unreadableAs(answer: Answered, reason: string, because: string) {
  const reading = { kind: 'unreadable', reason, retryAfter: restOf(answer) } as const;
  return {
    reading,
    because: reason === `HTTP ${answer.status}${why(answer)}` ? because : `${because}; ${reason}`,
  };
}

const why = ({ trouble }: Pick<Answered, 'trouble'>): string =>
  trouble === null ? '' : `: ${trouble}`;

/** How long it asks to be left alone, ms. */
const restOf = ({ headers }: Answered, longest?: number): number | null => {
  const sentAt = Date.parse([headers['date']].flat()[0] ?? '');
  const now = Number.isNaN(sentAt) ? Date.now() : sentAt;
  return retryAfterMs([headers['retry-after']].flat()[0], now, longest);
};

/** Of what is being worked on. The run bounds it by legacy.maxOpen. */
const restIn = (answer: Answered): { retryAfter?: number } => {
  const retryAfter = restOf(answer, YEAR_MS);
  return retryAfter === null ? {} : { retryAfter };
};

function reasonAt(body: unknown, pointer: string): string | null {
  const reason = valueAtPointer(body, pointer);
  return typeof reason === 'string' && reason.trim() !== '' ? reason.slice(0, 500) : null;
}
