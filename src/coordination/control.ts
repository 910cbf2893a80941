/** What operators say to all processes, and what these tell one another. Times are epoch ms by the clock of MongoDB. */
import { randomUUID } from 'node:crypto';

import type { BreakerDocument } from './breaker-state.ts';
import { OWN, type OwnDatabase } from '../mongo/collections.ts';
import type { LimitName } from '../domain/limits.ts';
import { isDuplicateKey } from '../mongo/client.ts';
import type { OwnershipDocument } from '../mongo/ownership.ts';
import type { RateDocument } from './rates.ts';
import { aliveProcesses, type SeenProcess } from './processes.ts';
import { NOW } from '../mongo/server-time.ts';

/** Nothing is taken from a source, or from any, until somebody says `resume`. */
export interface PauseDocument {
  _id: 'pause' | `pause/${string}`;
  reason: string;
  by: string;
  at: number;
}

/** The limits of an endpoint that were set while running; the configuration has the others. null: no limit. */
export interface LimitsDocument {
  _id: `limits/${string}`;
  values: Partial<Record<LimitName, number | null>>;
  by: string;
  at: number;
}

/** The key that intake and workers write to Temporal with: a process without keys cannot know of it by itself. */
export interface EncryptionDocument {
  _id: 'encryption';
  key: string;
  /** Tells keys of the same id apart. */
  mark: string;
  at: number;
}

/** Names the system that has this database: ledgers say which system they belong to. Written once. */
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
  | OwnershipDocument;

type ByName<T> = Readonly<Record<string, T>>;

/** Everything there is, and the time at which it was so. */
export interface Control {
  now: number;
  /** Of all sources. */
  pause: PauseDocument | null;
  /** By source. */
  pauses: ByName<PauseDocument>;
  /** By endpoint, like all that follows. */
  limits: ByName<LimitsDocument['values']>;
  breakers: ByName<BreakerDocument>;
  /** When requests were last held back by a limit; none for never. */
  limitedAt: ByName<number>;
  /** The key that others write with; null when nobody encrypts. */
  encryption: EncryptionDocument | null;
  /** Those that are alive. */
  processes: readonly SeenProcess[];
}

export const pauseOf = ({ pause, pauses }: Control, source: string): PauseDocument | null =>
  pause ?? pauses[source] ?? null;

export type ControlStore = ReturnType<typeof openControl>;

const EMPTY: Omit<Control, 'now'> = {
  pause: null,
  pauses: {},
  limits: {},
  breakers: {},
  limitedAt: {},
  encryption: null,
  processes: [],
};

const pauseId = (source: string | undefined): PauseDocument['_id'] =>
  source === undefined ? 'pause' : `pause/${source}`;

/** Every method throws what MongoDB throws. */
export function openControl(db: OwnDatabase) {
  const collection = db.collection<ControlDocument>(OWN.control);
  const pauses = db.collection<PauseDocument>(OWN.control);
  const limits = db.collection<LimitsDocument>(OWN.control);
  const encryption = db.collection<EncryptionDocument>(OWN.control);
  const systems = db.collection<SystemDocument>(OWN.control);
  return {
    async read(): Promise<Control> {
      const [found, processes] = await Promise.all([
        collection
          .aggregate<ControlDocument & { now: number }>([{ $match: {} }, { $set: { now: NOW } }])
          .toArray(),
        aliveProcesses(db),
      ]);
      // Without any document no time is compared with this one.
      return found.reduce<Control>(
        (control, { now, ...document }) => ({ ...control, ...partOf(document, control), now }),
        { ...EMPTY, processes, now: Date.now() },
      );
    },
    /** All sources, unless one is named. */
    async pause(reason: string, by: string, source?: string): Promise<void> {
      const said = { $literal: { _id: pauseId(source), reason, by } };
      await pauses.updateOne(
        { _id: pauseId(source) },
        [{ $replaceWith: { $mergeObjects: [{ at: NOW }, said] } }],
        { upsert: true },
      );
    },
    /** Takes back what `pause` said in the same way. Whether there was such a pause. */
    async resume(source?: string): Promise<boolean> {
      return (await pauses.deleteOne({ _id: pauseId(source) })).deletedCount === 1;
    },
    encryption: (): Promise<EncryptionDocument | null> => encryption.findOne({ _id: 'encryption' }),
    /** null: nobody encrypts any more. */
    async setEncryption(key: Pick<EncryptionDocument, 'key' | 'mark'> | null): Promise<void> {
      const _id = 'encryption';
      if (key === null) await encryption.deleteOne({ _id });
      else
        await encryption.updateOne({ _id }, { $set: { ...key, at: Date.now() } }, { upsert: true });
    },
    async setLimits(endpoint: string, values: LimitsDocument['values'], by: string): Promise<void> {
      const fields = Object.entries(values).map(
        ([name, value]) => [`values.${name}`, value] as const,
      );
      await limits.updateOne(
        { _id: `limits/${endpoint}` },
        { $set: { ...Object.fromEntries(fields), by, at: Date.now() } },
        { upsert: true },
      );
    },
    /** Null where none were ever set. */
    limitsOf: (endpoint: string): Promise<LimitsDocument | null> =>
      limits.findOne({ _id: `limits/${endpoint}` }),
    /** The configuration counts again for these. */
    async unsetLimits(endpoint: string, names: readonly LimitName[], by: string): Promise<void> {
      const fields = names.map((name) => [`values.${name}`, ''] as const);
      await limits.updateOne(
        { _id: `limits/${endpoint}` },
        { $unset: Object.fromEntries(fields), $set: { by, at: Date.now() } },
      );
    },
    async systemId(): Promise<string> {
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

function partOf(document: ControlDocument, before: Control): Partial<Control> {
  const name = document._id.split('/')[1] ?? '';
  if (isOf(document, 'breaker')) return { breakers: { ...before.breakers, [name]: document } };
  if (isOf(document, 'limits')) return { limits: { ...before.limits, [name]: document.values } };
  if (isOf(document, 'rates')) {
    const at = Math.max(before.limitedAt[name] ?? 0, document.limitedAt ?? 0);
    return { limitedAt: { ...before.limitedAt, [name]: at } };
  }
  if (document._id === 'pause') return { pause: document };
  if (isOf(document, 'pause')) return { pauses: { ...before.pauses, [name]: document } };
  return document._id === 'encryption' ? { encryption: document } : {};
}

const isOf = <K extends string>(
  document: ControlDocument,
  kind: K,
): document is Extract<ControlDocument, { _id: `${K}/${string}` }> =>
  document._id.startsWith(`${kind}/`);
