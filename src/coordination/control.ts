/**
 * Control: what operators say to all processes, and what these tell one another; a few small documents. Times are epoch
 * ms by the clock of MongoDB, since those of the processes may differ.
 */
import { randomUUID } from 'node:crypto';
import type { Db } from 'mongodb';
import type { BreakerDocument } from './breaker-state.ts';
import { OWN } from '../mongo/collections.ts';
import { LIMITS } from '../domain/limits.ts';
import type { LimitName } from '../domain/limits.ts';
import { isDuplicateKey } from '../mongo/client.ts';
import type { OwnershipDocument } from '../mongo/ownership.ts';
import type { RateDocument } from './rates.ts';
import type { WorkersDocument } from './workers.ts';
import { NOW } from '../mongo/server-time.ts';

export interface InFlightDocument {
  _id: 'in-flight';
  count: number;
  /** Let through since the counting began, or just before. */
  recent: number;
  /** Let through since `spanAt`, for a second; and in the second before that. */
  span: number;
  spanBefore: number;
  spanAt: number;
  /** Let through by the last change. */
  granted: number;
  countedAt: number;
  /** When the last counting began; it is over when `countedAt` is not before that. */
  countingSince: number;
  /** When whoever counts was last heard of. */
  aliveAt: number;
  heldBackAt?: number;
}

/** Intake takes nothing until somebody says `resume`. */
export interface PauseDocument {
  _id: 'pause';
  reason: string;
  by: string;
  at: number;
}

/** What was set while running; the configuration has the rest. null: no limit. */
export interface LimitsDocument {
  _id: 'limits';
  values: Partial<Record<LimitName, number | null>>;
  by: string;
  at: number;
}

/** The key that intake and workers write to Temporal with: a machine without keys cannot know of it by itself. */
export interface EncryptionDocument {
  _id: 'encryption';
  key: string;
  /** Tells keys of the same id apart. */
  mark: string;
  at: number;
}

/** Names the system that has this database, so that ledgers can say which one they belong to. Written once. */
export interface SystemDocument {
  _id: 'system';
  id: string;
}

export type ControlDocument =
  | SystemDocument
  | PauseDocument
  | LimitsDocument
  | EncryptionDocument
  | BreakerDocument
  | RateDocument
  | InFlightDocument
  | WorkersDocument
  | OwnershipDocument;

/** Everything there is, and the time at which it was so. */
export interface Control {
  now: number;
  pause: PauseDocument | null;
  limits: LimitsDocument['values'];
  /** The key that others write with; null when nobody encrypts. */
  encryption: EncryptionDocument | null;
  breaker: BreakerDocument | null;
  inFlight: InFlightDocument | null;
  workers: WorkersDocument['workers'];
  /** When requests were last held back by a limit; 0 for never. */
  heldBackAt: number;
}

export interface ControlStore {
  /** @throws what MongoDB throws */
  read(): Promise<Control>;
  pause(reason: string, by: string): Promise<void>;
  /** Whether there was a pause. */
  resume(): Promise<boolean>;
  setLimits(values: LimitsDocument['values'], by: string): Promise<void>;
  /** The key that others write with; null when nobody has said that he encrypts. */
  encryption(): Promise<EncryptionDocument | null>;
  /** null: nobody encrypts any more. */
  setEncryption(key: Pick<EncryptionDocument, 'key' | 'mark'> | null): Promise<void>;
  /** The configuration counts again for these. */
  unsetLimits(names: readonly LimitName[], by: string): Promise<void>;
  /** Of the system that has this database. @throws what MongoDB throws */
  systemId(): Promise<string>;
}

const EMPTY: Omit<Control, 'now'> = {
  pause: null,
  limits: {},
  encryption: null,
  breaker: null,
  inFlight: null,
  workers: {},
  heldBackAt: 0,
};

export function openControl(db: Db): ControlStore {
  const collection = db.collection<ControlDocument>(OWN.control);
  const pauses = db.collection<PauseDocument>(OWN.control);
  const limits = db.collection<LimitsDocument>(OWN.control);
  const encryption = db.collection<EncryptionDocument>(OWN.control);
  const systems = db.collection<SystemDocument>(OWN.control);
  return {
    async read() {
      const found = await collection
        .aggregate<ControlDocument & { now: number }>([{ $match: {} }, { $set: { now: NOW } }])
        .toArray();
      // Without any document nobody has said anything, and no time is compared with this one.
      return found.reduce<Control>(
        (control, { now, ...document }) => ({ ...control, ...partOf(document, control), now }),
        { ...EMPTY, now: Date.now() },
      );
    },
    async pause(reason, by) {
      const said = { $literal: { reason, by } };
      await pauses.updateOne(
        { _id: 'pause' },
        [{ $replaceWith: { $mergeObjects: [{ _id: 'pause', at: NOW }, said] } }],
        { upsert: true },
      );
    },
    async resume() {
      return (await pauses.deleteOne({ _id: 'pause' })).deletedCount === 1;
    },
    encryption: () => encryption.findOne({ _id: 'encryption' }),
    async setEncryption(key) {
      const _id = 'encryption';
      if (key === null) await encryption.deleteOne({ _id });
      else
        await encryption.updateOne({ _id }, { $set: { ...key, at: Date.now() } }, { upsert: true });
    },
    async setLimits(values, by) {
      const fields = Object.entries(values).map(([name, value]): [string, number | null] => [
        `values.${name}`,
        value,
      ]);
      await limits.updateOne(
        { _id: 'limits' },
        { $set: { ...Object.fromEntries(fields), by, at: Date.now() } },
        { upsert: true },
      );
    },
    async unsetLimits(names, by) {
      const fields = names.map((name): [string, ''] => [`values.${name}`, '']);
      await limits.updateOne(
        { _id: 'limits' },
        { $unset: Object.fromEntries(fields), $set: { by, at: Date.now() } },
      );
    },
    async systemId() {
      const found = await systems.findOne({ _id: 'system' });
      if (found !== null) return found.id;
      const id = randomUUID();
      try {
        await systems.insertOne({ _id: 'system', id });
        return id;
      } catch (error) {
        if (!isDuplicateKey(error)) throw error;
        // Somebody else was faster.
        return (await systems.findOne({ _id: 'system' }))?.id ?? id;
      }
    },
  };
}

function partOf(document: ControlDocument, { heldBackAt }: Control): Partial<Control> {
  switch (document._id) {
    case 'pause':
      return { pause: document };
    case 'limits': {
      // A later version may have set what this one does not know.
      const known = LIMITS.filter((name) => document.values[name] !== undefined);
      return { limits: Object.fromEntries(known.map((name) => [name, document.values[name]])) };
    }
    case 'encryption':
      return { encryption: document };
    case 'breaker':
      return { breaker: document };
    case 'submits':
    case 'gets':
      return { heldBackAt: Math.max(heldBackAt, document.heldBackAt ?? 0) };
    case 'in-flight':
      return {
        inFlight: document,
        heldBackAt: Math.max(heldBackAt, document.heldBackAt ?? 0),
      };
    case 'system':
      return {};
    case 'workers':
      return { workers: document.workers };
    case 'ownership':
      return {};
  }
}
