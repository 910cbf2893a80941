/** The circuit breaker that all processes share. Every change names the state it builds on: it opens once, one probe goes out. */
import type { Document } from 'mongodb';
import { OWN, type OwnDatabase } from '../mongo/collections.ts';
import { isDuplicateKey } from '../mongo/client.ts';
import { NOW } from '../mongo/server-time.ts';

export interface BreakerDocument {
  _id: `breaker/${string}`;
  /** The address it is about. For another one it counts as closed. */
  address: string;
  state: 'open' | 'probing' | 'closed';
  reason: string;
  /** How often it opened in a row. */
  trips: number;
  /** When it came into this state. */
  since: number;
  /** Open: no probe before that time. Probing: the probe counts as lost after it. */
  until: number;
  probe: string | null;
}

export type BreakerStore = ReturnType<typeof openBreakerStore>;

export function openBreakerStore(
  db: OwnDatabase,
  { name, address }: { name: string; address: string },
) {
  const _id: BreakerDocument['_id'] = `breaker/${name}`;
  const collection = db.collection<BreakerDocument>(OWN.control);
  const rested = (more: number): Document => ({
    $expr: { $lte: [{ $add: ['$until', more] }, NOW] },
  });
  const to = (state: BreakerDocument['state'], lastsMs: number, more: Document): Document[] => [
    {
      $set: { state, address, since: NOW, until: { $add: [NOW, lastsMs] }, probe: null, ...more },
    },
  ];
  const move = async (filter: Document, update: Document[]): Promise<boolean> =>
    (await collection.updateOne({ _id, ...filter }, update)).matchedCount === 1;

  return {
    /** closed → open. Nothing happens where it is open already. */
    async open(reason: string, trips: number, restMs: number): Promise<void> {
      const $or = [{ state: 'closed' as const }, { address: { $ne: address } }];
      const update = to('open', restMs, { reason: { $literal: reason }, trips });
      try {
        await collection.updateOne({ _id, $or }, update, { upsert: true });
      } catch (error) {
        // There is one that is not closed: somebody else was faster.
        if (!isDuplicateKey(error)) throw error;
      }
    },
    /** open, rested → probing. Whether this one may probe. */
    takeProbe: (token: string, lastsMs: number): Promise<boolean> =>
      move(
        { address, state: { $in: ['open', 'probing'] }, ...rested(0) },
        to('probing', lastsMs, { probe: token }),
      ),
    /** probing → closed */
    async close(token: string): Promise<void> {
      await move({ state: 'probing', probe: token }, to('closed', 0, {}));
    },
    /** probing → open */
    async reopen(token: string, reason: string, trips: number, restMs: number): Promise<void> {
      const update = to('open', restMs, { reason: { $literal: reason }, trips });
      await move({ state: 'probing', probe: token }, update);
    },
    /** open, or its probe lost, and for `idleMs` nobody had anything to ask → closed. Whether it was so. */
    closeIdle: (idleMs: number): Promise<boolean> =>
      move(
        { address, state: { $in: ['open', 'probing'] }, ...rested(idleMs) },
        to('closed', 0, {}),
      ),
  };
}
