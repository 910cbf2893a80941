// The ledger: what the simulated system accepted and answered, append-only. It is the truth for audits, and by it a
// restarted simulator knows yesterday's registrations. Kept whole in memory, and as JSON lines wherever it is stored.
import { setTimeout as sleep } from 'node:timers/promises';
import { z } from 'zod';

const at = z.int(); // epoch milliseconds
const accepted = z.strictObject({
  at,
  event: z.literal('accepted'),
  id: z.string(),
  requestId: z.string(),
  idempotencyKey: z.string().nullable(),
  /** null when it never finishes */
  doneAt: z.int().nullable(),
  final: z.enum(['done', 'failed', 'never']),
  reason: z.string().optional(),
});
export const entrySchema = z.discriminatedUnion('event', [
  /** the first of a ledger that says for which system it is kept */
  z.strictObject({ at, event: z.literal('system'), system: z.string() }),
  accepted,
  /** 4xx; id null when the body had none that could be read */
  z.strictObject({
    at,
    event: z.literal('refused'),
    id: z.string().nullable(),
    status: z.int(),
    reason: z.string(),
  }),
  z.strictObject({ at, event: z.literal('not-accepted'), id: z.string(), status: z.int() }),
  /** requestId null when the layer itself never learned whether the core accepted */
  z.strictObject({
    at,
    event: z.literal('answer-lost'),
    id: z.string(),
    requestId: z.string().nullable(),
  }),
  /** the first GET that saw the end */
  z.strictObject({
    at,
    event: z.literal('finished-seen'),
    requestId: z.string(),
    status: z.enum(['done', 'failed']),
  }),
]);

export type LedgerEntry = z.infer<typeof entrySchema>;

export interface Ledger {
  entries(): readonly LedgerEntry[];
  /** Throws an Error when an earlier entry could not be written: a ledger with holes would be no truth. */
  append(entry: LedgerEntry): void;
  /** Resolves when every entry so far is in the store; throws when that is impossible. */
  written(): Promise<void>;
  /** Calls back for every entry, those already there first. */
  follow(observer: (entry: LedgerEntry) => void): void;
  /** Writes what is still in memory; throws when the file could not be written. */
  close(): Promise<void>;
}

/** Where the ledger's lines are stored; ledger-file.ts has the real one. */
export interface LedgerStore {
  append(text: string): Promise<void>;
  close(): Promise<void>;
}

/** How long an entry waits for others to be written with, milliseconds: less than the shortest answer delay. */
const gatherMs = 10;

/**
 * @param entries those of earlier runs, oldest first
 * @param store null keeps the ledger in memory only
 */
export function createLedger(entries: LedgerEntry[], store: LedgerStore | null): Ledger {
  const observers: ((entry: LedgerEntry) => void)[] = [];
  let unwritten: string[] = [];
  let allWritten: Promise<void> = Promise.resolve();
  let fault: Error | null = null;

  const write = async (to: LedgerStore, before: Promise<void>): Promise<void> => {
    await sleep(gatherMs);
    await before; // one write after the other: the order of the lines is the order of the events
    const text = unwritten.join('');
    unwritten = [];
    if (fault !== null) return;
    try {
      await to.append(text);
    } catch (cause) {
      fault = new Error(`the ledger cannot be written: ${String(cause)}`, { cause });
    }
  };
  const written = async (): Promise<void> => {
    await allWritten;
    if (fault !== null) throw fault;
  };

  return {
    entries: () => entries,
    append(entry) {
      if (fault !== null) throw fault;
      entries.push(entry);
      for (const observer of observers) observer(entry);
      if (store === null) return;
      if (unwritten.push(JSON.stringify(entry) + '\n') === 1) {
        allWritten = write(store, allWritten);
      }
    },
    written,
    follow(observer) {
      entries.forEach(observer);
      observers.push(observer);
    },
    async close() {
      await allWritten;
      await store?.close();
      if (fault !== null) throw fault;
    },
  };
}
