/**
 * Brings an input to a file: by HTTP, from another file, or from standard input. By HTTP it goes on where it was cut off, if the server
 * says that it is still the same (If-Range), and tries again what may pass by itself for as long as something comes.
 */
import { createHash } from 'node:crypto';
import { createReadStream, createWriteStream, openSync } from 'node:fs';
import { copyFile, constants, stat, statfs, truncate } from 'node:fs/promises';
import { Socket } from 'node:net';
import { dirname } from 'node:path';
import { Transform, type Readable } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import { setTimeout as delay } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { restBefore } from '../domain/backoff.ts';
import { retryAfterMs } from '../domain/registrations/statuses.ts';
import { errorFacts } from '../runtime/log.ts';
import { CannotFetch, left, openRequests, type Response } from '../net/get.ts';

/** What tells that a resource is still the same: a strong ETag, or a date that is old enough to be one. */
export type Validator = string | null;

export interface FetchNeeds {
  /** An address, a path, or `-`. */
  input: string;
  authorization: string | null;
  /** Takes it as it was received. */
  file: string;
  /** Of what the file has from before. */
  validator: Validator;
  /** A part of another version is worth nothing. */
  keep(validator: Validator, tag: string | null): Promise<void>;
  /** Where the server says that it is still what had this tag, nothing is fetched. */
  last: { tag: string | null; digest: string | null } | null;
  mostBytes: number;
  progress: (bytes: number, total: number | null) => void;
  /** Is told why it is tried again. */
  troubled(why: string, restMs: number): void;
  signal: AbortSignal;
}

/** Tries in a row that have brought nothing. */
const MOST_TRIES = 8;
const BACKOFF = { kind: 'exponential', initial: 500, longest: 30_000, jitter: 0.5 } as const;

export const isHttp = (input: string): boolean => /^https?:\/\//i.test(input);

/** Returns the SHA-256 of what was received, hex. @throws CannotFetch; what the file system or the signal says */
export async function fetchTo(needs: FetchNeeds): Promise<string> {
  const { input, file, mostBytes, signal } = needs;
  if (isHttp(input)) return overHttp(needs);
  const path = /^file:/i.test(input) ? fileURLToPath(input) : input;
  const found = input === '-' ? null : await stat(path).catch(cannotRead(path));
  if (found?.isFile() === true) {
    const { size } = found;
    if (size > mostBytes) throw tooLarge(mostBytes);
    await copyFile(path, file, constants.COPYFILE_FICLONE).catch(cannotRead(path));
    needs.progress(size, size);
  } else {
    // A pipe, say, whose size nobody knows.
    const open = found?.isFIFO() === true ? pipeAt : createReadStream;
    const from = input === '-' ? process.stdin : open(path);
    await pipeline(from, bounded(needs, 0, null), createWriteStream(file), { signal });
  }
  return digestOf(file);
}

/** To open it and to read it waits for whoever writes to it. As a file it would hold a thread meanwhile, and with that the end of the process. */
const pipeAt = (path: string): Readable =>
  new Socket({
    fd: openSync(path, constants.O_RDONLY | constants.O_NONBLOCK),
    ...{ readable: true, writable: false },
  });

const cannotRead =
  (path: string) =>
  (cause: unknown): never => {
    throw new CannotFetch(`${path} cannot be read: ${errorFacts(cause).error}`, { cause });
  };

async function overHttp(needs: FetchNeeds): Promise<string> {
  const { file, signal } = needs;
  const requests = openRequests(needs);
  let { validator } = needs;
  let inVain = 0;
  let best = 0;
  try {
    for (;;) {
      const have = validator === null ? 0 : await sizeOf(file);
      best = Math.max(best, have);
      const result = await attempt(have, validator).catch((error: unknown) => {
        signal.throwIfAborted();
        if (error instanceof CannotFetch) throw error;
        return { kind: 'again' as const, why: reasonOf(error), after: null };
      });
      if (result.kind === 'done') return result.digest;
      const now = await sizeOf(file);
      inVain = now > best ? 1 : inVain + 1;
      best = Math.max(best, now);
      if (inVain >= MOST_TRIES) throw new CannotFetch(`${result.why}, ${inVain} times in a row`);
      const rest = result.after ?? restBefore(BACKOFF, inVain, Math.random());
      needs.troubled(result.why, rest);
      await delay(rest, undefined, { signal });
    }
  } finally {
    await requests.close();
  }

  async function attempt(have: number, known: Validator) {
    const range: Record<string, string> =
      have > 0 && known !== null
        ? { range: `bytes=${have}-`, 'if-range': known }
        : needs.last?.tag
          ? { 'if-none-match': needs.last.tag }
          : {};
    const answer = await requests.get(range);
    const { status } = answer;
    if (status === 304 && needs.last?.digest) {
      left(answer.body);
      return { kind: 'done' as const, digest: needs.last.digest };
    }
    if (status === 416 && have > 0 && lengthIn(answer) === have) {
      left(answer.body);
      return { kind: 'done' as const, digest: await checked(answer, true) };
    }
    if (status === 416) await keepNothing();
    const isRest = status === 206 && startIn(answer) === have && have > 0;
    if (isRest && known !== null && isOther(answer, known)) {
      left(answer.body);
      await keepNothing();
      return { kind: 'again' as const, why: 'the server goes on with another version', after: 0 };
    }
    if (status !== 200 && !isRest) return refused(answer);
    if (!isRest) {
      await truncate(file, 0).catch(() => {});
      validator = validatorIn(answer);
      await needs.keep(validator, answer.header('etag') ?? null);
    }
    const from = isRest ? have : 0;
    const length = Number(answer.header('content-length') ?? NaN);
    const total = Number.isNaN(length) ? null : from + length;
    await refuseLarge(total);
    const to = createWriteStream(file, { flags: isRest ? 'a' : 'w' });
    await pipeline(answer.body, bounded(needs, from, total), to, { signal });
    return { kind: 'done' as const, digest: await checked(answer, isRest) };
  }

  async function keepNothing(): Promise<void> {
    validator = null;
    await needs.keep(null, null);
  }

  async function refused(answer: Response) {
    const { status } = answer;
    const text = await answer.text();
    const why = `the server answers ${status}`;
    const mayPass =
      status === 408 || status === 425 || status === 429 || status === 416 || status >= 500;
    if (mayPass || status === 206)
      return {
        kind: 'again' as const,
        why,
        after: retryAfterMs(answer.header('retry-after'), Date.now()),
      };
    throw new CannotFetch(text === '' ? why : `${why}: ${text}`);
  }

  async function refuseLarge(total: number | null): Promise<void> {
    if (total === null) return;
    if (total > needs.mostBytes) throw tooLarge(needs.mostBytes);
    const { bavail, bsize } = await statfs(dirname(file));
    if (total - (await sizeOf(file)) > bavail * bsize)
      throw new CannotFetch(`it has ${total} bytes, and the disk has ${bavail * bsize} free`);
  }

  /** By what the server says of the whole; `Content-Digest` is of one answer, and worth nothing where that is a rest. */
  async function checked(answer: Response, isRest: boolean): Promise<string> {
    const digest = await digestOf(file);
    const names = ['repr-digest', 'digest', ...(isRest ? [] : ['content-digest'])];
    for (const name of names) {
      const told = /sha-256=:?([A-Za-z0-9+/]{43}=)/i.exec(answer.header(name) ?? '')?.[1];
      if (told === undefined || Buffer.from(told, 'base64').toString('hex') === digest) continue;
      await truncate(file, 0);
      throw new Error(`what came is not what ${name} says`);
    }
    return digest;
  }
}

function bounded(
  { mostBytes, progress }: FetchNeeds,
  from: number,
  total: number | null,
): Transform {
  let bytes = from;
  return new Transform({
    transform(chunk: Buffer, _encoding, next) {
      bytes += chunk.length;
      progress(bytes, total);
      next(bytes > mostBytes ? tooLarge(mostBytes) : null, chunk);
    },
  });
}

const tooLarge = (most: number): CannotFetch =>
  new CannotFetch(`it has more than ${most} bytes (--max-bytes)`);

export const sizeOf = async (file: string): Promise<number> =>
  (await stat(file).catch(() => null))?.size ?? 0;

export async function digestOf(file: string): Promise<string> {
  const hash = createHash('sha256');
  const stream: Readable = createReadStream(file, { highWaterMark: 1024 * 1024 });
  for await (const chunk of stream) if (Buffer.isBuffer(chunk)) hash.update(chunk);
  return hash.digest('hex');
}

const startIn = (answer: Response): number =>
  Number(/^bytes (\d+)-/.exec(answer.header('content-range') ?? '')?.[1] ?? NaN);
const lengthIn = (answer: Response): number =>
  Number(/\/(\d+)$/.exec(answer.header('content-range') ?? '')?.[1] ?? NaN);

/** Of a server that knows ranges, and not `If-Range`. */
function isOther(answer: Response, known: string): boolean {
  const now = answer.header(known.startsWith('"') ? 'etag' : 'last-modified');
  return now !== undefined && now !== known;
}

/** Of two changes within a minute a date tells only one. */
function validatorIn(answer: Response): Validator {
  const etag = answer.header('etag');
  if (etag !== undefined && !etag.startsWith('W/')) return etag;
  const modified = answer.header('last-modified');
  const age = Date.parse(answer.header('date') ?? '') - Date.parse(modified ?? '');
  return modified !== undefined && age >= 60_000 ? modified : null;
}

function reasonOf(error: unknown): string {
  if (!(error instanceof Error)) return String(error);
  const code = 'code' in error && typeof error.code === 'string' ? `${error.code} ` : '';
  return `${code}${error.message}`.slice(0, 300);
}
