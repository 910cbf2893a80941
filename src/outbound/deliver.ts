/** Delivers an item to an HTTP endpoint, through its gate, and says what the answer means for the item. */
import { createHash } from 'node:crypto';
import type { FileHandle } from 'node:fs/promises';
import { Readable } from 'node:stream';
import type { HttpHandler } from '../config/http-handler.ts';
import type { Answer } from '../net/exchange.ts';
import { createHttpClient } from './client.ts';
import { meaningIn, meaningOf, type Statuses } from '../domain/http-statuses.ts';
import { retryAfterMs, submitClass } from '../domain/registrations/statuses.ts';

export interface Parcel {
  /** The same for every attempt. */
  idempotencyKey: string;
  attempt: number;
  contentType: string;
  headers: Record<string, string>;
  /** Values for {folder} and {name} in the URL; bytes that are no UTF-8 as a buffer. */
  path?: Record<string, string | Buffer>;
  /** A file is streamed from its beginning, and never in memory. */
  body: Buffer | { file: FileHandle; size: number; sha256: Buffer };
  signal: AbortSignal;
}

/**
 * `nack`: another try would end in the same way; `answer` is the beginning of its body. `isUnknown`: it was sent, and nobody knows
 * whether it was taken. `held`: nothing was tried, or the answer says nothing of the item; no attempt is used up. `changed`: the
 * file was not as long as it was.
 */
export type Delivered =
  | { kind: 'ack'; status: number }
  | { kind: 'nack'; status: number; reason: string; answer: string }
  | Retry
  | { kind: 'held'; reason: string; retryAfter: number }
  | { kind: 'changed'; reason: string };

interface Retry {
  kind: 'retry';
  status: number | null;
  isUnknown: boolean;
  reason: string;
  /** As the endpoint asks for, ms. */
  retryAfter: number | null;
}

/** Sends when a gate lets it, and not at all where it is shut. */
export type Through = (send: () => Promise<Delivered>) => Promise<Delivered>;

export type Delivery = ReturnType<typeof openDelivery>;

const ANSWER_BYTES = 4_096;
/** No more of an answer is read. */
const READ_BYTES = 64 * 1024;
const PIECE_BYTES = 64 * 1024;
/** Until an endpoint that turned our credentials away is asked again, ms. */
const HELD_MS = 10_000;
/** An endpoint that asks for more is asked again all the same: an item that rests has no end. */
const LONGEST_REST_MS = 24 * 3_600_000;
/** What undici says where a stream is not as long as its headers said. */
const OTHER_LENGTH = 'UND_ERR_REQ_CONTENT_LENGTH_MISMATCH';

/** @param env has what is sent as Authorization @throws Error that names the variable that is missing */
export function openDelivery(http: HttpHandler, env: Readonly<Record<string, string | undefined>>) {
  const { origin } = new URL(http.url.replace(/[{}]/g, '_'));
  const client = createHttpClient({
    baseUrl: origin,
    authorization: authorizationOf(http, env),
    timeoutMs: http.timeout,
    maxBytes: READ_BYTES,
  });
  let through: Through = (send) => send();

  async function post({ body, ...parcel }: Parcel): Promise<Delivered> {
    const isBytes = Buffer.isBuffer(body);
    const size = isBytes ? body.length : body.size;
    const sha256 = isBytes ? createHash('sha256').update(body).digest() : body.sha256;
    const { pathname, search } = new URL(filledIn(http.url, parcel.path ?? {}));
    const answer = await client.send({
      method: http.method,
      path: pathname + search,
      isWholePath: true,
      headers: {
        ...http.headers,
        ...parcel.headers,
        'content-type': parcel.contentType,
        'content-length': String(size),
        // RFC 9530
        'content-digest': `sha-256=:${sha256.toString('base64')}:`,
        'idempotency-key': parcel.idempotencyKey,
        'x-attempt': String(parcel.attempt),
      },
      body: isBytes ? body : size === 0 ? null : Readable.from(piecesOf(body.file)),
      // One that is slow and goes on is not cut.
      timeoutMs: http.timeout + Math.ceil((1_000 * size) / http.minRate),
      signal: parcel.signal,
    });
    return deliveredAs(answer, http);
  }

  return {
    /** Never throws. */
    deliver: (parcel: Parcel): Promise<Delivered> => through(() => post(parcel).catch(notSent)),
    /** From now on it goes through this gate. */
    pass: (gate: Through): void => {
      through = gate;
    },
    close: () => client.close(),
  };
}

/** @throws Error that names the variable that is missing */
export function authorizationOf(
  { authorization_env: name }: { authorization_env: string | null },
  env: Readonly<Record<string, string | undefined>>,
): string | null {
  if (name === null) return null;
  const value = env[name];
  if (value !== undefined && value !== '') return value;
  throw new Error(
    `authorization_env names ${name}, and that variable is not set: set it to the value of the header Authorization, such as "Bearer …"`,
  );
}

function deliveredAs(answer: Answer, { statuses }: HttpHandler): Delivered {
  const { head, body } =
    answer.kind === 'answer'
      ? { head: answer, body: answer.body }
      : { head: answer.head, body: Buffer.alloc(0) };
  if (answer.kind === 'none' && answer.reason.includes(OTHER_LENGTH))
    return { kind: 'changed', reason: 'the file was not as long as it had been' };
  if (answer.kind === 'none' && answer.withheld)
    return { kind: 'held', reason: answer.reason, retryAfter: 0 };
  if (head === null) {
    const { sent = false, reason = '' } = answer.kind === 'none' ? answer : {};
    const told = `no answer: ${reason}`;
    return { kind: 'retry', status: null, isUnknown: sent, reason: told, retryAfter: null };
  }
  const { status } = head;
  const text = body.subarray(0, ANSWER_BYTES).toString();
  const reason = `HTTP ${status}`;
  const asked = [head.headers['retry-after']].flat()[0];
  const retryAfter = retryAfterMs(asked, Date.now(), LONGEST_REST_MS);
  switch (meaningOf(status, statuses)) {
    case 'ack':
      return { kind: 'ack', status };
    case 'nack':
      return { kind: 'nack', status, reason, answer: text };
    case 'hold':
      return {
        kind: 'held',
        reason: `${reason}: check the credentials`,
        retryAfter: retryAfter ?? HELD_MS,
      };
    case 'retry':
      return { kind: 'retry', status, isUnknown: mayBeTaken(status, statuses), reason, retryAfter };
  }
}

/** As a registration may have been filed; what the settings say of a status is a promise. */
const mayBeTaken = (status: number, own: Statuses): boolean =>
  meaningIn(own, status) === undefined && submitClass(status, {}, false) === 'unknown';

/** The class of an attempt that is made again. */
export const classOf = ({ status, isUnknown }: Pick<Retry, 'status' | 'isUnknown'>): string =>
  status !== null ? `http-${status}` : isUnknown ? 'unknown' : 'no-answer';

/** A header that cannot be written, say. */
const notSent = (error: unknown): Delivered => ({
  ...{ kind: 'retry', status: null, isUnknown: false, retryAfter: null },
  reason: `it cannot be sent: ${error instanceof Error ? error.message : String(error)}`,
});

async function* piecesOf(file: FileHandle): AsyncGenerator<Buffer> {
  for (let at = 0; ;) {
    const piece = Buffer.allocUnsafe(PIECE_BYTES);
    const { bytesRead } = await file.read(piece, 0, piece.length, at);
    if (bytesRead === 0) return;
    at += bytesRead;
    yield piece.subarray(0, bytesRead);
  }
}

const filledIn = (url: string, path: NonNullable<Parcel['path']>): string =>
  url.replace(/\{(\w+)\}/g, (whole, name: string) => {
    const value = path[name];
    return value === undefined ? whole : percentEncoded(value);
  });

/** Every byte that is not plain; so the value of a header or a part of a path holds any name. */
export const percentEncoded = (value: string | Buffer): string =>
  Buffer.from(value)
    .toString('latin1')
    .replace(
      /[^A-Za-z0-9._~-]/g,
      (each) => `%${each.charCodeAt(0).toString(16).toUpperCase().padStart(2, '0')}`,
    );
