/**
 * The legacy system over HTTP. The only place that reads an HTTP status: what comes out is a closed union, never an
 * exception.
 */
import {
  heardOfGet,
  remedyFor,
  retryAfterMs,
  submitClass,
} from '../domain/registrations/contract.ts';
import type { Heard, SubmitClass, SubmitMeaning } from '../domain/registrations/contract.ts';
import { readMatches } from '../domain/registrations/look-up.ts';
import type { Looked } from '../domain/registrations/look-up.ts';
import { isEncodedInPath, pathWith } from '../domain/path.ts';
import type { Config } from '../config/schema.ts';
import type { Answer } from '../net/exchange.ts';
import { createHttpClient } from '../outbound/client.ts';
import { createNotFounds } from './not-founds.ts';
import { requestIdReader } from '../config/request-id-pattern.ts';

export type SubmitResult =
  | { kind: 'accepted'; requestId: string }
  | { kind: 'refused'; reason: string }
  | { kind: 'not-accepted'; reason: string; retryAfter: number | null }
  | { kind: 'unknown'; reason: string };

export type StatusResult =
  { kind: 'processing' } | { kind: 'done' } | { kind: 'failed'; reason: string } | Unreadable;

interface Unreadable {
  kind: 'unreadable';
  reason: string;
  retryAfter: number | null;
}

export type LookUpResult =
  | Exclude<Looked, { kind: 'unreadable' | 'absent' }>
  /** `byBareStatus`: by a 404, not by an empty list. */
  | { kind: 'absent'; byBareStatus: boolean }
  | Unreadable;

export interface Legacy {
  /**
   * POSTs the original bytes. Never throws. `maySend` is asked when the connection stands, just before the first byte: if
   * it says no, nothing is sent.
   */
  submit(body: Buffer, idempotencyKey: string, maySend?: () => boolean): Promise<SubmitResult>;
  /** GETs the status of a request. Never throws. */
  status(requestId: string): Promise<StatusResult>;
  /** Looks a registration up by its own id (legacy.lookup). Never throws. */
  lookUp(id: string): Promise<LookUpResult>;
  close(): Promise<void>;
}

/** @param observe told of each answer what it says of the system, and what was wrong with it: no word of the answer's body */
export function createLegacy(
  config: Pick<Config, 'legacyUrl' | 'legacyAuthorization' | 'legacy'>,
  observe: (heard: Heard, reason: string) => void = () => {},
): Legacy {
  const { legacy } = config;
  const http = createHttpClient({
    baseUrl: config.legacyUrl,
    authorization: config.legacyAuthorization,
    tls: legacy.tls,
    timeoutMs: legacy.timeout,
    maxBytes: legacy.maxResponseBytes,
  });
  const isRequestId = requestIdReader(legacy);
  const notFounds = createNotFounds();

  const get = (path: string): Promise<Answer> =>
    http.send({ method: 'GET', path, headers: { accept: 'application/json' } });

  /** What the answer to a GET says of the system. */
  const hear = (answer: Answer): void => {
    if (answer.kind === 'none') return observe('trouble', answer.reason);
    const heard = heardOfGet(answer.status, answer.json() !== null);
    observe(
      heard,
      heard === 'misconfigured' ? misconfigured(answer.status) : `HTTP ${answer.status}`,
    );
  };

  return {
    async submit(body, idempotencyKey, maySend) {
      const answer = await http.send({
        method: 'POST',
        path: legacy.submitPath,
        headers: {
          accept: 'application/json',
          'content-type': 'application/json',
          'idempotency-key': idempotencyKey,
        },
        body,
        ...(maySend === undefined ? {} : { maySend }),
      });
      if (answer.kind === 'none') {
        if (!answer.withheld) observe('trouble', answer.reason);
        return notAnswered(answer);
      }
      const meaning = meaningOf(answer);
      if (meaning === 'perhaps-refused') return readNotFound(answer);
      const result = readSubmit(answer, meaning);
      if (result.kind === 'accepted' || result.kind === 'refused') notFounds.heard();
      observe(...heardOfSubmit(answer, result));
      return result;
    },
    async status(requestId) {
      const path = pathWith(legacy.statusPath, requestId);
      if (path === null) return unreadable('the request id leads out of legacy.statusPath');
      const answer = await get(path);
      hear(answer);
      return readStatus(requestId, answer);
    },
    async lookUp(id) {
      const { path } = legacy.lookup;
      if (path === null) return unreadable('legacy.lookup.path is not set');
      const target = pathWith(path, id);
      if (target === null)
        return unreadable('the registration id leads out of legacy.lookup.path: ask a person');
      const answer = await get(target);
      hear(answer);
      const looked = readLookUp(id, answer);
      return looked.kind === 'absent' && !isSuccess(answer) && isEncodedInPath(path, id)
        ? unreadable(
            'a status says that there is none, of a registration id that is encoded in legacy.lookup.path: perhaps it was read in another way',
          )
        : looked;
    },
    close: () => http.close(),
  };

  function meaningOf(answer: Answered): SubmitMeaning {
    return submitClass(answer.status, legacy.submitStatuses, reasonOf(answer) !== undefined);
  }

  function readNotFound(answer: Answered): SubmitResult {
    const words = reasonOf(answer) ?? '';
    if (notFounds.isRefusal(words)) {
      observe('well', '');
      return { kind: 'refused', reason: words };
    }
    observe('perhaps-misconfigured', misconfigured(answer.status));
    const reason = `${misconfigured(answer.status)}; it says: ${words}`;
    const retryAfter = restOf(answer);
    return { kind: 'not-accepted', reason, retryAfter };
  }

  /** A refusal is the answer of a system that is well. Its own words may be about people: logs and /ready tell the status. */
  function heardOfSubmit(answer: Answered, result: SubmitResult): [Heard, string] {
    if (result.kind === 'accepted' || result.kind === 'refused') return ['well', ''];
    if (meaningOf(answer) === 'misconfigured') return ['misconfigured', result.reason];
    return ['trouble', reasonOf(answer) === undefined ? result.reason : `HTTP ${answer.status}`];
  }

  function readSubmit(answer: Answered, meaning: SubmitClass): SubmitResult {
    const { status } = answer;
    const reason = reasonOf(answer) ?? `HTTP ${status}`;
    const retryAfter = restOf(answer);
    switch (meaning) {
      case 'accepted': {
        const requestId = fieldOf(answer, legacy.requestIdField);
        if (typeof requestId !== 'string' || !isRequestId(requestId)) {
          return {
            kind: 'unknown',
            reason: `HTTP ${status} without a readable "${legacy.requestIdField}"`,
          };
        }
        return { kind: 'accepted', requestId };
      }
      case 'refused':
      case 'unknown':
        return { kind: meaning, reason };
      case 'not-accepted':
        return { kind: 'not-accepted', reason, retryAfter };
      case 'misconfigured':
        return { kind: 'not-accepted', reason: misconfigured(status), retryAfter };
    }
  }

  function readStatus(requestId: string, answer: Answer): StatusResult {
    if (answer.kind === 'none') return unreadable(answer.reason);
    if (!isSuccess(answer)) return unreadable(`HTTP ${answer.status}`, restOf(answer));
    const about = fieldOf(answer, legacy.requestIdField);
    if (about !== undefined && about !== requestId)
      return unreadable('the answer is about another request');
    const word = fieldOf(answer, legacy.statusField);
    if (typeof word !== 'string') return unreadable(`no "${legacy.statusField}" in the answer`);
    const { processing, done, failed } = legacy.statusWords;
    if (processing.includes(word)) return { kind: 'processing' };
    if (done.includes(word)) return { kind: 'done' };
    if (failed.includes(word))
      return { kind: 'failed', reason: reasonOf(answer) ?? 'no reason given' };
    return unreadable(`a "${legacy.statusField}" that is not in legacy.statusWords`);
  }

  function readLookUp(id: string, answer: Answer): LookUpResult {
    if (answer.kind === 'none') return unreadable(answer.reason);
    if (answer.status === NOT_FOUND) return { kind: 'absent', byBareStatus: true };
    if (!isSuccess(answer)) return unreadable(`HTTP ${answer.status}`, restOf(answer));
    const looked = readMatches(answer.json(), id, legacy.lookup, isRequestId);
    if (looked.kind === 'unreadable') return unreadable(looked.reason);
    return looked.kind === 'absent' ? { ...looked, byBareStatus: false } : looked;
  }

  function reasonOf(answer: Answer): string | undefined {
    const reason = fieldOf(answer, legacy.reasonField);
    return typeof reason === 'string' && reason.trim() !== '' ? reason.slice(0, 500) : undefined;
  }
}

const NOT_FOUND = 404;

const unreadable = (reason: string, retryAfter: number | null = null): Unreadable => ({
  kind: 'unreadable',
  reason,
  retryAfter,
});

const isSuccess = (answer: Answer): boolean =>
  answer.kind === 'answer' && answer.status >= 200 && answer.status < 300;

type Answered = Extract<Answer, { kind: 'answer' }>;

/** How long it asks to be left alone. */
const restOf = ({ headers }: Answered): number | null =>
  retryAfterMs([headers['retry-after']].flat()[0], Date.now());

/** When no byte left, nothing can have been filed. */
function notAnswered({ sent, reason }: Extract<Answer, { kind: 'none' }>): SubmitResult {
  return sent ? { kind: 'unknown', reason } : { kind: 'not-accepted', reason, retryAfter: null };
}

const misconfigured = (status: number): string => `HTTP ${status}: ${remedyFor(status)}`;

/** A field of the answer's JSON object; undefined when the body is none or does not have it. */
function fieldOf(answer: Answer, field: string): unknown {
  const body = answer.kind === 'answer' ? answer.json() : null;
  if (typeof body !== 'object' || body === null || Array.isArray(body)) return undefined;
  return Object.entries(body).find(([key]) => key === field)?.[1];
}
