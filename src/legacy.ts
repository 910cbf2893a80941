/**
 * The legacy system over HTTP. The only place that reads an HTTP status: what comes out is a closed union, never an
 * exception. Requests have one deadline from end to end, answers a size limit, redirects are never followed.
 */
import { Pool } from 'undici';
import { retryAfterMs, submitClass } from './domain/contract.ts';
import { readMatches } from './domain/look-up.ts';
import type { Looked } from './domain/look-up.ts';
import type { Config } from './config-schema.ts';
import { exchange } from './exchange.ts';
import type { Answer } from './exchange.ts';
import { connectorOf } from './legacy-connect.ts';
import { readTls } from './tls.ts';

/** `notSent`: no byte of the request left, so nothing can have been filed. */
export type SubmitResult =
  | { kind: 'accepted'; requestId: string }
  | { kind: 'refused'; reason: string }
  | { kind: 'not-accepted'; reason: string; retryAfter: number | null }
  | { kind: 'unknown'; reason: string };

export type StatusResult =
  | { kind: 'processing' }
  | { kind: 'done' }
  | { kind: 'failed'; reason: string }
  | { kind: 'unreadable'; reason: string; retryAfter: number | null };

export type LookUpResult =
  | Exclude<Looked, { kind: 'unreadable' }>
  | { kind: 'unreadable'; reason: string; retryAfter: number | null };

/** Of one request, where they are not the usual ones. */
interface Limits {
  maySend?: (() => boolean) | undefined;
  deadlineMs?: number;
}

export interface Legacy {
  /**
   * POSTs the original bytes. Never throws. `maySend` is asked when the connection stands, just before the first byte: if
   * it says no, nothing is sent.
   */
  submit(body: Buffer, idempotencyKey: string, maySend?: () => boolean): Promise<SubmitResult>;
  /**
   * GETs the status of a request. Never throws.
   * @param patience ms after which it is not waited for, if that is less than `legacy.timeout`; says nothing against the legacy system
   */
  status(requestId: string, patience?: number): Promise<StatusResult>;
  /** Looks a registration up by its own id (legacy.lookup). Never throws. */
  lookUp(id: string): Promise<LookUpResult>;
  close(): Promise<void>;
}

/** @param observe told of each answer whether the system was well, and else what was wrong with it: no word of the answer's body */
export function createLegacy(
  config: Pick<Config, 'legacyUrl' | 'legacyAuthorization' | 'legacy'>,
  observe: (isWell: boolean, reason: string) => void = () => {},
): Legacy {
  const { legacy } = config;
  const base = new URL(config.legacyUrl);
  const prefix = base.pathname.replace(/\/$/, '');
  const pool = new Pool(base.origin, {
    // As many as there are slots, which change while it runs.
    connections: null,
    pipelining: 1,
    connect: connectorOf(Math.min(legacy.timeout, 10_000), readTls(legacy.tls)),
    headersTimeout: legacy.timeout,
    bodyTimeout: legacy.timeout,
  });
  const authorization: Record<string, string> =
    config.legacyAuthorization === null ? {} : { authorization: config.legacyAuthorization };
  const requestIdPattern = new RegExp(legacy.requestIdPattern);
  // The pattern may allow dots, but as a step of a path these two lead elsewhere.
  const isRequestId = (id: string) => requestIdPattern.test(id) && id !== '.' && id !== '..';

  const send = (
    method: 'GET' | 'POST',
    path: string,
    headers: object,
    body: Buffer | null,
    { maySend = () => true, deadlineMs = legacy.timeout }: Limits = {},
  ) =>
    exchange(
      pool,
      {
        method,
        path: prefix + path,
        body,
        headers: { accept: 'application/json', ...authorization, ...headers },
      },
      { deadlineMs, maxBytes: legacy.maxResponseBytes, maySend },
    );

  /** What the answer to a GET says of the system. */
  const hear = (answer: Answer): void => {
    const trouble = troubleOf(answer);
    observe(trouble === null, trouble ?? '');
  };

  return {
    async submit(body, idempotencyKey, maySend) {
      const headers = { 'content-type': 'application/json', 'idempotency-key': idempotencyKey };
      const answer = await send('POST', legacy.submitPath, headers, body, { maySend });
      const result = readSubmit(answer);
      // A refusal is the answer of a system that is well. Its own words may be about people: logs and /ready tell the status.
      if (result.kind === 'accepted' || result.kind === 'refused') observe(true, '');
      else if (answer.kind === 'answer' && reasonOf(answer) !== undefined)
        observe(false, `HTTP ${answer.status}`);
      else if (answer.kind === 'answer' || !answer.withheld) observe(false, result.reason);
      return result;
    },
    async status(requestId, patience = legacy.timeout) {
      const path = legacy.statusPath.replace('{id}', encodeURIComponent(requestId));
      const deadlineMs = Math.min(patience, legacy.timeout);
      const asked = performance.now();
      const answer = await send('GET', path, {}, null, { deadlineMs });
      const isCutShort = deadlineMs < legacy.timeout && performance.now() - asked >= deadlineMs;
      if (troubleOf(answer) === null || !isCutShort) hear(answer);
      return readStatus(requestId, answer);
    },
    async lookUp(id) {
      const { path } = legacy.lookup;
      if (path === null)
        return { kind: 'unreadable', reason: 'legacy.lookup.path is not set', retryAfter: null };
      const target = path.replace('{id}', encodeURIComponent(id));
      const answer = await send('GET', target, {}, null);
      hear(answer);
      return readLookUp(id, answer);
    },
    close: () => pool.destroy(),
  };

  function readSubmit(answer: Answer): SubmitResult {
    if (answer.kind === 'none') {
      const { reason } = answer;
      return answer.sent
        ? { kind: 'unknown', reason }
        : { kind: 'not-accepted', reason, retryAfter: null };
    }
    const { status } = answer;
    const reason = reasonOf(answer) ?? `HTTP ${status}`;
    const kind = submitClass(status, legacy.submitStatuses);
    switch (kind) {
      case 'accepted': {
        const requestId = fieldOf(answer, legacy.requestIdField);
        if (typeof requestId !== 'string' || !isRequestId(requestId)) {
          return {
            kind: 'unknown',
            reason: `HTTP ${status} without a readable "${legacy.requestIdField}"`,
          };
        }
        return { kind, requestId };
      }
      case 'refused':
      case 'unknown':
        return { kind, reason };
      case 'not-accepted':
        return {
          kind,
          reason,
          retryAfter: retryAfterMs(answer.retryAfter, Date.now()),
        };
      case 'misconfigured':
        return {
          kind: 'not-accepted',
          reason: `HTTP ${status}: not followed; check LEGACY_URL and legacy.submitPath`,
          retryAfter: null,
        };
    }
  }

  function readStatus(requestId: string, answer: Answer): StatusResult {
    const unreadable = (reason: string, retryAfter: number | null = null): StatusResult => ({
      kind: 'unreadable',
      reason,
      retryAfter,
    });
    if (answer.kind === 'none') return unreadable(answer.reason);
    if (answer.status < 200 || answer.status > 299) {
      return unreadable(`HTTP ${answer.status}`, retryAfterMs(answer.retryAfter, Date.now()));
    }
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
    if (answer.kind === 'none')
      return { kind: 'unreadable', reason: answer.reason, retryAfter: null };
    const { status, body } = answer;
    if (legacy.lookup.notFound.includes(status)) return { kind: 'absent' };
    if (status < 200 || status > 299) {
      const retryAfter = retryAfterMs(answer.retryAfter, Date.now());
      return { kind: 'unreadable', reason: `HTTP ${status}`, retryAfter };
    }
    const looked = readMatches(body, id, legacy.lookup, (text) => requestIdPattern.test(text));
    return looked.kind === 'unreadable' ? { ...looked, retryAfter: null } : looked;
  }

  function reasonOf(answer: Answer): string | undefined {
    const reason = fieldOf(answer, legacy.reasonField);
    return typeof reason === 'string' ? reason.slice(0, 500) : undefined;
  }
}

/** What is wrong with the system that answers a GET so, or null: one request that it does not know is not. */
function troubleOf(answer: Answer): string | null {
  if (answer.kind === 'none') return answer.reason;
  const { status } = answer;
  const isTrouble =
    status >= 500 || status === 429 || status === 408 || (status >= 300 && status < 400);
  return isTrouble ? `HTTP ${status}` : null;
}

/** A field of the answer's JSON object; undefined when the body is none or does not have it. */
function fieldOf(answer: Answer, field: string): unknown {
  const body = answer.kind === 'answer' ? answer.body : null;
  if (typeof body !== 'object' || body === null || Array.isArray(body)) return undefined;
  return Object.entries(body).find(([key]) => key === field)?.[1];
}
