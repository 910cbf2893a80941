/**
 * The legacy system over HTTP. The only place that reads an HTTP status: what comes out is a closed union, never an
 * exception. Requests have one deadline from end to end, answers a size limit, redirects are never followed.
 */
import { Pool } from 'undici';
import { retryAfterMs, submitClass } from './domain/contract.ts';
import type { Config } from './config-schema.ts';
import { exchange } from './exchange.ts';
import type { Answer } from './exchange.ts';

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

export interface Legacy {
  /** POSTs the original bytes. Never throws. */
  submit(body: Buffer, idempotencyKey: string): Promise<SubmitResult>;
  /** GETs the status of a request. Never throws. */
  status(requestId: string): Promise<StatusResult>;
  close(): Promise<void>;
}

/** @param observe told of each answer whether the system was well, and else what was wrong with it */
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
    connect: { timeout: Math.min(legacy.timeout, 10_000) },
    headersTimeout: legacy.timeout,
    bodyTimeout: legacy.timeout,
  });
  const authorization: Record<string, string> =
    config.legacyAuthorization === null ? {} : { authorization: config.legacyAuthorization };
  const requestIdPattern = new RegExp(legacy.requestIdPattern);

  const send = (method: 'GET' | 'POST', path: string, headers: object, body: Buffer | null) =>
    exchange(
      pool,
      {
        method,
        path: prefix + path,
        body,
        headers: { accept: 'application/json', ...authorization, ...headers },
      },
      { deadlineMs: legacy.timeout, maxBytes: legacy.maxResponseBytes },
    );

  return {
    async submit(body, idempotencyKey) {
      const headers = { 'content-type': 'application/json', 'idempotency-key': idempotencyKey };
      const result = readSubmit(await send('POST', legacy.submitPath, headers, body));
      // A refusal is the answer of a system that is well.
      if (result.kind === 'accepted' || result.kind === 'refused') observe(true, '');
      else observe(false, result.reason);
      return result;
    },
    async status(requestId) {
      const path = legacy.statusPath.replace('{id}', encodeURIComponent(requestId));
      const answer = await send('GET', path, {}, null);
      const trouble = troubleOf(answer);
      observe(trouble === null, trouble ?? '');
      return readStatus(requestId, answer);
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
        if (typeof requestId !== 'string' || !requestIdPattern.test(requestId)) {
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
          retryAfter: retryAfterMs(answer.headers['retry-after'], Date.now()),
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
      return unreadable(
        `HTTP ${answer.status}`,
        retryAfterMs(answer.headers['retry-after'], Date.now()),
      );
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
