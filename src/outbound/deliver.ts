/** Delivers an item to an HTTP endpoint, and says what its answer means for the item. */
import { createHash } from 'node:crypto';
import type { FileHandle } from 'node:fs/promises';
import { Readable } from 'node:stream';
import { Agent, request } from 'undici';
import type { HttpHandler } from '../config/http-handler.ts';

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
 * `nack`: another try would end in the same way. `held`: nothing was tried, and no attempt is used up. `changed`: the file was not as
 * long as it was.
 */
export type Delivered =
  | { kind: 'ack'; status: number }
  | { kind: 'nack'; status: number; reason: string; answer: string }
  | {
      kind: 'retry';
      status: number | null;
      isUnknown: boolean;
      reason: string;
      retryAfter: number | null;
    }
  | { kind: 'held'; reason: string; retryAfter: number }
  | { kind: 'changed'; reason: string };

export type Deliver = (parcel: Parcel) => Promise<Delivered>;

const ANSWER_BYTES = 4_096;
const READ_BYTES = 64 * 1024;
const HELD_MS = 10_000;
const RETRY: ReadonlySet<number> = new Set([408, 425, 429]);
const HOLD: ReadonlySet<number> = new Set([401, 403, 407]);

/** What a status means: as the settings say, else by the table of the house. */
export function meaningOf(status: number, statuses: HttpHandler['statuses']) {
  const own = statuses[String(status)] ?? statuses[`${Math.floor(status / 100)}xx`];
  if (own !== undefined) return own;
  if (status >= 200 && status < 300) return 'ack';
  if (RETRY.has(status)) return 'retry';
  if (HOLD.has(status)) return 'hold';
  return status >= 400 && status < 500 ? 'nack' : 'retry';
}

export function openDelivery(http: HttpHandler, env: Readonly<Record<string, string | undefined>>) {
  const agent = new Agent({
    connections: http.concurrency,
    headersTimeout: 0,
    bodyTimeout: http.timeout,
  });
  const authorization = http.authorization_env === null ? undefined : env[http.authorization_env];

  async function deliver(parcel: Parcel): Promise<Delivered> {
    const { body, signal } = parcel;
    const size = Buffer.isBuffer(body) ? body.length : body.size;
    const sha256 = Buffer.isBuffer(body) ? createHash('sha256').update(body).digest() : body.sha256;
    let isSent = false;
    let streamed = 0;
    async function* pieces(file: FileHandle) {
      for (;;) {
        const piece = Buffer.allocUnsafe(64 * 1024);
        const { bytesRead } = await file.read(piece, 0, piece.length, streamed);
        if (bytesRead === 0) break;
        isSent = true;
        streamed += bytesRead;
        yield piece.subarray(0, bytesRead);
      }
    }
    const most = Math.ceil(http.timeout + (1_000 * size) / http.minRate);
    try {
      const answer = await request(urlOf(http.url, parcel.path ?? {}), {
        method: http.method,
        dispatcher: agent,
        headers: {
          ...http.headers,
          ...(authorization === undefined ? {} : { authorization }),
          ...parcel.headers,
          'content-type': parcel.contentType,
          'content-length': String(size),
          'content-digest': `sha-256=:${sha256.toString('base64')}:`,
          'idempotency-key': parcel.idempotencyKey,
          'x-attempt': String(parcel.attempt),
        },
        body: Buffer.isBuffer(body) ? body : size === 0 ? null : Readable.from(pieces(body.file)),
        signal: AbortSignal.any([signal, AbortSignal.timeout(most)]),
      });
      const text = await firstOf(answer.body);
      return deliveredAs(answer.statusCode, text, answer.headers['retry-after'], http);
    } catch (error) {
      const code = error instanceof Error && 'code' in error ? String(error.code) : '';
      if (code === 'UND_ERR_REQ_CONTENT_LENGTH_MISMATCH')
        return { kind: 'changed', reason: 'the file was not as long as it had been' };
      const reason = error instanceof Error ? error.message || code : String(error);
      const isUnknown = isSent || !['ECONNREFUSED', 'ENOTFOUND', 'EHOSTUNREACH'].includes(code);
      return {
        kind: 'retry',
        status: null,
        isUnknown,
        reason: `no answer: ${reason}`,
        retryAfter: null,
      };
    }
  }

  return { deliver, close: () => agent.close() };
}

function deliveredAs(
  status: number,
  answer: string,
  after: string | string[] | undefined,
  { statuses }: HttpHandler,
): Delivered {
  const reason = `HTTP ${status}`;
  const seconds = Number(after);
  const retryAfter = after === undefined || !(seconds >= 0) ? null : seconds * 1_000;
  switch (meaningOf(status, statuses)) {
    case 'ack':
      return { kind: 'ack', status };
    case 'nack':
      return { kind: 'nack', status, reason, answer };
    case 'hold':
      return { kind: 'held', reason, retryAfter: retryAfter ?? HELD_MS };
    case 'retry':
      return { kind: 'retry', status, isUnknown: false, reason, retryAfter };
  }
}

async function firstOf(body: AsyncIterable<Buffer>): Promise<string> {
  const pieces: Buffer[] = [];
  let size = 0;
  for await (const piece of body) {
    pieces.push(piece);
    size += piece.length;
    if (size >= READ_BYTES) break;
  }
  return Buffer.concat(pieces).subarray(0, ANSWER_BYTES).toString();
}

const urlOf = (url: string, path: NonNullable<Parcel['path']>): string =>
  url.replace(/\{(\w+)\}|%7B(\w+)%7D/gi, (whole, a?: string, b?: string) => {
    const value = path[a ?? b ?? ''];
    return value === undefined ? whole : percentEncoded(value);
  });

/** Every byte that is not plain. */
const percentEncoded = (value: string | Buffer): string =>
  Buffer.from(value)
    .toString('latin1')
    .replace(
      /[^A-Za-z0-9._~-]/g,
      (each) => `%${each.charCodeAt(0).toString(16).toUpperCase().padStart(2, '0')}`,
    );
