/**
 * The legacy system over HTTP, as its contract says. The only place that asks it: what comes out is a closed union, never an
 * exception.
 */
import { contractOf } from '../config/contract.ts';
import type { Config } from '../config/schema.ts';
import { isEncodedInPath, pathWith } from '../domain/path.ts';
import {
  readLookUp,
  readPoll,
  readResult,
  readSubmit,
  type LookUpReading,
  type PollReading,
  type SubmitReading,
} from '../domain/registrations/contract.ts';
import type { Answered } from '../domain/registrations/described.ts';
import { heardOfGet, remedyFor, type Heard } from '../domain/registrations/statuses.ts';
import type { Answer } from '../net/exchange.ts';
import type { Wait } from '../outbound/breaker.ts';
import { createHttpClient, type HttpRequest } from '../outbound/client.ts';
import { createNotFounds } from './not-founds.ts';
import { bodyWith, headersOf, withQuery } from './requests.ts';
import { secretsMask } from './secrets.ts';

export type SubmitResult =
  | { kind: 'accepted'; requestId: string; retryAfter?: number }
  | { kind: 'refused'; reason: string }
  | { kind: 'not-accepted'; reason: string; retryAfter: number | null }
  | { kind: 'unknown'; reason: string };

export type Legacy = ReturnType<typeof createLegacy>;

/** One request with its path from the root, its answer, and how that was read. */
export interface Exchanged {
  request: HttpRequest;
  answer: Answer;
  reading: { kind: string };
  because: string;
}

export interface Watchers {
  /** Told of each answer what it says of the system, and what was wrong with it: no word of the answer's body. */
  observe?: (heard: Heard, reason: string) => void;
  /** Told of everything: for somebody who looks on. */
  trace?: (exchanged: Exchanged) => void;
}

export type LegacyConfig = Pick<
  Config,
  'legacyUrl' | 'legacyAuthorization' | 'legacyProxy' | 'legacy' | 'mongodb'
>;

export function createLegacy(
  config: LegacyConfig,
  { observe: tell = () => {}, trace = () => {} }: Watchers = {},
) {
  const { legacy } = config;
  const { submit, poll, lookup } = legacy;
  const contract = contractOf(config);
  const { submit: described } = contract;
  /** A conflict may say that the first POST is still at work (draft-ietf-httpapi-idempotency-key-header, section 2.6). */
  const statuses = { '409': 'not-accepted', ...described.statuses } as const;
  const repeated =
    legacy.onUnknown === 'resubmit'
      ? { ...contract, submit: { ...described, statuses } }
      : contract;
  /** An answer that is lost makes no doubt where the POST is repeated. */
  const lost: Heard = legacy.onUnknown === 'resubmit' ? 'trouble' : 'lost';
  const http = createHttpClient({
    baseUrl: config.legacyUrl,
    authorization: config.legacyAuthorization,
    tls: legacy.tls,
    timeoutMs: legacy.timeout,
    maxBytes: legacy.maxResponseBytes,
    proxy: config.legacyProxy,
    idleMs: legacy.keepAlive,
  });
  const notFounds = createNotFounds();
  const sent = headersOf(legacy);
  const mask = secretsMask(config);
  const observe = (heard: Heard, reason: string) => tell(heard, mask(reason));

  async function ask<R extends { kind: string }>(
    asked: HttpRequest,
    read: (answer: Answer) => { reading: R; because: string },
  ): Promise<{ answer: Answer; reading: R }> {
    const request = {
      ...asked,
      path: withQuery(asked.path, legacy),
      headers: {
        ...sent.always,
        ...(asked.body === undefined ? {} : sent.withBody),
        ...asked.headers,
      },
    };
    const answer = await http.send(request);
    const { reading: raw, because } = read(answer);
    const reading = withoutSecrets(raw, mask);
    trace({ request: { ...request, path: http.target(request) }, answer, reading, because });
    return { answer, reading };
  }

  const get = <R extends { kind: string }>(
    request: { method: 'GET' | 'POST'; timeout: number | null; isWholePath?: boolean },
    path: string,
    body: string | null,
    read: (answer: Answered) => { reading: R; because: string },
  ): Promise<{ answer: Answer; reading: R | Unreadable }> =>
    ask<R | Unreadable>(
      {
        method: request.method,
        path,
        ...(body === null ? {} : { body: Buffer.from(body) }),
        isWholePath: request.isWholePath === true,
        timeoutMs: request.timeout ?? legacy.timeout,
      },
      (answer) =>
        answer.kind === 'none'
          ? { reading: unreadable(answer.reason), because: answer.reason }
          : read(answeredOf(answer)),
    );

  const hear = (answer: Answer, isRead: boolean): void => {
    if (answer.kind === 'none') return observe('trouble', answer.reason);
    const { status } = answer;
    const heard = isRead && status < 400 ? 'well' : heardOfGet(status, answer.read().json !== null);
    observe(heard, heard === 'misconfigured' ? misconfigured(status) : `HTTP ${status}`);
  };

  return {
    /**
     * POSTs the original bytes. Never throws. `maySend` is asked when the connection stands, just before the first byte: if
     * it says no, nothing is sent.
     * @param isRepeated whether an earlier one under this key may have been accepted
     */
    async submit(
      body: Buffer,
      idempotencyKey: string,
      maySend: () => boolean = () => true,
      isRepeated = false,
    ): Promise<SubmitResult> {
      const { answer, reading } = await ask<SubmitReading>(
        {
          method: submit.method,
          path: submit.path,
          headers: { 'idempotency-key': idempotencyKey },
          body,
          maySend,
        },
        (received) =>
          received.kind === 'none'
            ? { reading: notAnswered(received), because: received.reason }
            : readSubmit(isRepeated ? repeated : contract, answeredOf(received)),
      );
      if (answer.kind === 'none') {
        if (!answer.withheld) observe(reading.kind === 'unknown' ? lost : 'trouble', answer.reason);
        return resultOf(reading, 0);
      }
      return heardResult(reading, answer.status);
    },
    /**
     * GETs the status of a request, and its result where that stands elsewhere. Never throws.
     * @param another asked before the second GET: why it may not be sent, or null
     */
    async status(
      requestId: string,
      another: () => Promise<Wait | null> = () => Promise.resolve(null),
    ): Promise<PollReading> {
      const path = pathWith(poll.path, requestId);
      if (path === null) return unreadable('the request id leads out of legacy.poll.path');
      const body = bodyWith(poll.body, requestId);
      if (body === undefined) return unreadable('the request id is no number: legacy.poll.body');
      const { answer, reading } = await get(poll, path, body, (received) =>
        readPoll(contract, received, requestId),
      );
      hear(answer, reading.kind !== 'unreadable');
      if (reading.kind !== 'result') return reading;
      const wait = await another();
      if (wait !== null) return { kind: 'unreadable', ...wait };
      const whole = { ...poll, method: 'GET', isWholePath: true } as const;
      const from = { requestId, status: answer.kind === 'none' ? 0 : answer.status };
      const result = await get(whole, reading.path, null, (received) =>
        readResult(contract, received, from),
      );
      hear(result.answer, result.reading.kind !== 'unreadable');
      return result.reading;
    },
    /** Looks a registration up by its own id (legacy.lookup). Never throws. */
    async lookUp(id: string): Promise<LookUpReading> {
      const { path } = lookup;
      if (path === null) return unreadable('legacy.lookup.path is not set');
      const target = pathWith(path, id);
      if (target === null)
        return unreadable('the registration id leads out of legacy.lookup.path: ask a person');
      const body = bodyWith(lookup.body, id);
      if (body === undefined)
        return unreadable(
          'the registration id is no number, as legacy.lookup.body wants it: ask a person',
        );
      const { answer, reading } = await get(lookup, target, body, (received) =>
        readLookUp(contract, received, id),
      );
      hear(answer, false);
      return reading.kind === 'absent' && reading.bareStatus !== null && isEncodedInPath(path, id)
        ? unreadable(
            'a status says that there is none, of a registration id that is encoded in legacy.lookup.path: perhaps it was read in another way',
          )
        : reading;
    },
    close: (): Promise<void> => http.close(),
  };

  /** A refusal is the answer of a system that is well. Its own words may be about people: logs and /ready tell the status. */
  function heardResult(reading: SubmitReading, status: number): SubmitResult {
    if (reading.kind === 'perhaps-refused' && notFounds.isRefusal(reading.reason)) {
      observe('well', '');
      return { kind: 'refused', reason: reading.reason };
    }
    const result = resultOf(reading, status);
    if (reading.kind === 'accepted' || reading.kind === 'refused') {
      notFounds.heard();
      observe('well', '');
    } else if (reading.kind === 'misconfigured') observe('misconfigured', misconfigured(status));
    else if (reading.kind === 'perhaps-refused')
      observe('perhaps-misconfigured', misconfigured(status));
    else observe(reading.kind === 'unknown' ? lost : 'trouble', reading.fault);
    return result;
  }
}

function resultOf(reading: SubmitReading, status: number): SubmitResult {
  const turnedAway = (reason: string): SubmitResult => ({
    kind: 'not-accepted',
    reason,
    retryAfter: reading.retryAfter ?? null,
  });
  switch (reading.kind) {
    case 'accepted':
      return reading;
    case 'refused':
    case 'unknown':
      return { kind: reading.kind, reason: reading.reason };
    case 'not-accepted':
      return turnedAway(reading.reason);
    case 'misconfigured':
      return turnedAway(misconfigured(status));
    case 'perhaps-refused':
      return turnedAway(`${misconfigured(status)}; it says: ${reading.reason}`);
  }
}

/** Reasons go to the journal, failure records and Temporal. */
function withoutSecrets<R extends object>(reading: R, mask: (text: string) => string): R {
  const masked: Record<string, string> = {};
  const entries: [string, unknown][] = Object.entries(reading);
  for (const [name, value] of entries)
    if ((name === 'reason' || name === 'fault') && typeof value === 'string')
      masked[name] = mask(value);
  return { ...reading, ...masked };
}

type Unreadable = Extract<PollReading, { kind: 'unreadable' }>;

const unreadable = (reason: string): Unreadable => ({
  kind: 'unreadable',
  reason,
  retryAfter: null,
});

export function answeredOf(answer: Extract<Answer, { kind: 'answer' }>): Answered {
  const { status, headers } = answer;
  const { json: body, trouble, isEmpty } = answer.read();
  return { status, headers, body, trouble, isEmpty };
}

/** When no byte left, nothing can have been filed. */
const notAnswered = ({ sent, reason }: Extract<Answer, { kind: 'none' }>): SubmitReading => ({
  kind: sent ? 'unknown' : 'not-accepted',
  reason,
  fault: reason,
  retryAfter: null,
});

const misconfigured = (status: number): string => `HTTP ${status}: ${remedyFor(status)}`;
