/** Sends one file, and says what came of it. The run writes that down, and only then the file moves on. */
import type { BigIntStats } from 'node:fs';
import type { FileHandle } from 'node:fs/promises';
import { GAVE_UP, IN_DOUBT, type DoneAs } from '../domain/folders.ts';
import { classOf, type Delivered, type Parcel } from '../outbound/deliver.ts';
import { failpoint } from '../runtime/failpoint.ts';
import { createSlots } from '../runtime/slots.ts';
import type { Call, Ended } from '../workers/call.ts';
import { attemptsIn } from './attempts.ts';
import { digest } from './digest.ts';
import { gripOf } from './grip.ts';
import { decodeFile, identityOf, isSame, type Identity } from './identity.ts';
import { encodedName } from './names.ts';
import { outgoingOf } from './outgoing.ts';
import type { Place } from './place.ts';
import { markerOf, type Ready } from './readiness.ts';
import { fileIdIn, nameOf } from './task-id.ts';

export interface SenderSetting {
  name: string;
  ready: Ready;
  empty: 'send' | 'refuse' | 'ignore';
  /** Where nobody knows whether the receiver has it. */
  onUnknown: 'resubmit' | 'ask';
  /** From the time that it was ready until it is given up, ms. */
  maxAge: number;
  concurrency: number;
}

interface Needs {
  folder: SenderSetting;
  place: Place;
  /** This machine. */
  host: string;
  deliver: (parcel: Parcel) => Promise<Delivered>;
  /** An attempt has ended. */
  ended: (id: string) => void;
}

/** The rest after what only this machine can mend, ms. */
const LOCAL_REST = 10_000;

export function createSender({ folder, place, host, deliver, ended }: Needs) {
  // A file waits here, and not open, for those before it.
  const slots = createSlots(folder.concurrency);
  const attempts = attemptsIn(place.answers);
  const asks = folder.onUnknown === 'ask';

  return async (call: Call, signal: AbortSignal): Promise<Ended> => {
    const id = fileIdIn(call.id);
    await slots.take(1);
    try {
      return await attempt(id, call, signal);
    } finally {
      slots.release(1);
      ended(id);
    }
  };

  async function attempt(id: string, call: Call, signal: AbortSignal): Promise<Ended> {
    if (signal.aborted) return { kind: 'interrupted' };
    const { identity } = decodeFile(Buffer.from(call.body, 'base64'));
    const marker =
      folder.ready.kind === 'marker' ? markerOf(folder.ready.name, identity.name) : null;
    const kept = { id, name: identity.name, marker };
    const done = (as: DoneAs, more: object, to: 'done' | 'inbox' | null): Ended => ({
      kind: 'done',
      result: { as, ...more },
      outgoing: to === null ? [] : [outgoingOf(folder.name, kept, to)],
    });
    failpoint('file-claimed');
    const grip = await gripOf(place, id, identity, marker);
    failpoint('file-parked');
    switch (grip.kind) {
      case 'gone': {
        const { host: collectedOn = host } = call.headers;
        if (collectedOn !== host)
          return elsewhere(`it was collected on ${collectedOn}, and is not on ${host}`);
        // It is published nowhere.
        await attempts.forget(id).catch(() => {});
        return done('gone', {}, null);
      }
      case 'changed':
        return done('changed', { why: grip.why }, grip.isParked ? 'inbox' : null);
      case 'not-now':
        return triedAgain(call, 'not-readable', grip.why, LOCAL_REST);
      case 'held':
        break;
    }
    const { file, stats } = grip;
    try {
      if (identity.size === 0 && folder.empty === 'refuse')
        return refused('empty', 'an empty file, and the folder refuses them');
      const read = await digest(file, identity.size, signal);
      if (read.size !== identity.size || !(await isStill(file, stats, identity)))
        return done('changed', { why: 'it was changed while it was read' }, 'inbox');
      const sha256 = read.sha256;
      if (asks && (await attempts.isUnknown(id)))
        return inDoubt('an attempt was cut off: nobody knows whether the receiver has it');
      if (asks) await attempts.begin(id);
      failpoint('file-sending');
      const answer = await deliver({
        idempotencyKey: id,
        attempt: call.attempt,
        contentType: typeOf(nameOf(identity.name)),
        headers: headersOf(identity),
        path: { folder: folder.name, name: Buffer.from(nameOf(identity.name), 'latin1') },
        body: read.bytes ?? { file, size: identity.size, sha256 },
        signal,
      });
      failpoint('file-answered');
      if (answer.kind === 'changed') return done('changed', { why: answer.reason }, 'inbox');
      if (answer.kind === 'ack') {
        const { status } = answer;
        const facts = { status, bytes: identity.size, sha256: sha256.toString('hex') };
        if (!(await isStill(file, stats, identity)))
          return done('changed', { why: 'it was changed while it was sent', ...facts }, 'inbox');
        return done('sent', facts, 'done');
      }
      if (answer.kind === 'nack') {
        const told = {
          status: answer.status,
          answer: answer.answer,
          sha256: sha256.toString('hex'),
        };
        // For people: where the disk is full it is refused all the same.
        await attempts.answered(id, told).catch(() => {});
        return refused(`http-${answer.status}`, answer.reason);
      }
      if (asks && answer.kind === 'retry' && answer.isUnknown) return inDoubt(answer.reason);
      if (asks) await attempts.forget(id);
      if (signal.aborted) return { kind: 'interrupted' };
      if (answer.kind === 'held')
        return { kind: 'held', reason: answer.reason, retryAfter: answer.retryAfter };
      return triedAgain(call, classOf(answer), answer.reason, answer.retryAfter);
    } catch (error) {
      if (signal.aborted) return { kind: 'interrupted' };
      return triedAgain(call, 'not-readable', reasonOf(error), LOCAL_REST);
    } finally {
      await file.close();
    }
  }

  function triedAgain(
    { receivedAt }: Call,
    kind: string,
    reason: string,
    retryAfter: number | null,
  ): Ended {
    if (Date.now() - receivedAt > folder.maxAge)
      return {
        kind: 'failed',
        failure: 'permanent',
        class: GAVE_UP,
        reason: `${reason} (${kind})`,
      };
    return { kind: 'again', class: kind, reason, retryAfter };
  }
}

const refused = (kind: string, reason: string): Ended => ({
  ...{ kind: 'failed', failure: 'permanent', class: kind },
  reason,
});

const elsewhere = (reason: string): Ended => ({
  ...{ kind: 'failed', failure: 'permanent', class: 'elsewhere' },
  reason,
});

const inDoubt = (reason: string): Ended => ({
  ...{ kind: 'failed', failure: IN_DOUBT, class: IN_DOUBT },
  reason,
});

const reasonOf = (error: unknown): string =>
  error instanceof Error ? error.message : String(error);

/** Also by the time of its last change: since it was taken nobody should have touched it. */
async function isStill(
  file: FileHandle,
  before: BigIntStats,
  { name }: Identity,
): Promise<boolean> {
  return isSame(identityOf(name, before), identityOf(name, await file.stat({ bigint: true })));
}

function headersOf({ name, mtimeNs }: Identity): Record<string, string> {
  const at = new Date(Number(BigInt(mtimeNs) / 1_000_000n));
  // A file system may keep one that is outside of the calendar.
  const isTime = !Number.isNaN(at.getTime());
  return {
    'x-file-name': encodedName(nameOf(name)),
    ...(isTime ? { 'x-file-modified': at.toISOString() } : {}),
  };
}

const TYPES: Readonly<Record<string, string>> = {
  csv: 'text/csv',
  gz: 'application/gzip',
  html: 'text/html',
  jpeg: 'image/jpeg',
  jpg: 'image/jpeg',
  json: 'application/json',
  ndjson: 'application/x-ndjson',
  pdf: 'application/pdf',
  png: 'image/png',
  tif: 'image/tiff',
  tiff: 'image/tiff',
  txt: 'text/plain',
  xml: 'application/xml',
  zip: 'application/zip',
};

export const typeOf = (name: string): string =>
  TYPES[/\.([^.]+)$/.exec(name)?.[1]?.toLowerCase() ?? ''] ?? 'application/octet-stream';
