/**
 * The workers that are alive, in one document for an endpoint, each with its share of the requests that may be on the wire
 * at once. Each beats every 2 s, and takes its share anew from what the others have; a change is refused when another came
 * in between.
 */
import { randomUUID } from 'node:crypto';
import { hostname } from 'node:os';
import type { Db } from 'mongodb';
import { OWN } from '../mongo/collections.ts';
import { isAlive, shareOf } from '../domain/shares.ts';
import type { WorkerShare } from '../domain/shares.ts';
import { isDuplicateKey } from '../mongo/client.ts';
import { NOW, LIGHT } from '../mongo/server-time.ts';

export interface WorkerDocument extends WorkerShare {
  host: string;
  pid: number;
  /** What it suffers from, see guard.ts. */
  suffers: string | null;
}

export interface WorkersDocument {
  /** By the endpoint's name. */
  _id: `workers/${string}`;
  version: number;
  workers: Record<string, WorkerDocument>;
}

export interface Membership {
  /** Says that this worker is alive; returns its share of the total. @throws what MongoDB throws */
  beat(total: number, told: { onTheWire: number; suffers: string | null }): Promise<number>;
  leave(): Promise<void>;
}

const TRIES = 10;

/**
 * @param endpoint its name
 * @param isGone whether a process of this machine has ended: its share need not be waited for
 */
export function joinWorkers(db: Db, endpoint: string, isGone = hasEnded): Membership {
  const collection = db.collection<WorkersDocument>(OWN.control);
  const _id: WorkersDocument['_id'] = `workers/${endpoint}`;
  const me = randomUUID();
  const host = hostname();

  return {
    async beat(total, { onTheWire, suffers }) {
      for (let attempt = 1; attempt <= TRIES; attempt++) {
        const [document] = await collection
          .aggregate<WorkersDocument & { now: number }>([
            { $match: { _id } },
            { $set: { now: NOW } },
          ])
          .toArray();
        const others = new Map<string, WorkerDocument>();
        const dead: string[] = [];
        for (const [id, worker] of Object.entries(document?.workers ?? {})) {
          if (id === me) continue;
          const isHere = worker.host === host;
          if (isAlive(worker, document?.now ?? 0) && !(isHere && isGone(worker.pid))) {
            others.set(id, worker);
          } else dead.push(`workers.${id}`);
        }
        const share = shareOf(me, others, total);
        // What is still on the wire from before is not free for the others yet.
        const told = { share: Math.max(share, onTheWire), host, pid: process.pid, suffers };
        if (await written(document?.version ?? 0, told, dead)) return share;
      }
      throw new Error('Too many workers write their shares at the same time');
    },
    async leave() {
      await collection.updateOne({ _id }, { $unset: { [`workers.${me}`]: '' } });
    },
  };

  async function written(
    version: number,
    told: Omit<WorkerDocument, 'beatAt'>,
    dead: string[],
  ): Promise<boolean> {
    const { share, pid, suffers } = told;
    const mine = {
      share,
      beatAt: NOW,
      host: { $literal: host },
      pid,
      suffers: { $literal: suffers },
    };
    const set = { $set: { version: version + 1, [`workers.${me}`]: mine } };
    const filter = version === 0 ? { version: { $exists: false } } : { version };
    try {
      const { matchedCount, upsertedCount } = await collection.updateOne(
        { _id, ...filter },
        dead.length > 0 ? [set, { $unset: dead }] : [set],
        { upsert: version === 0, ...LIGHT },
      );
      return matchedCount + upsertedCount === 1;
    } catch (error) {
      if (isDuplicateKey(error)) return false;
      throw error;
    }
  }
}

function hasEnded(pid: number): boolean {
  try {
    process.kill(pid, 0);
    return false;
  } catch (error) {
    return error instanceof Error && 'code' in error && error.code === 'ESRCH';
  }
}
