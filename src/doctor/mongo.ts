/** Is MongoDB there, does it keep what it acknowledges, and does its clock agree with ours? */
import { randomUUID } from 'node:crypto';
import type { Db } from 'mongodb';
import { OWN, type OwnDatabase } from '../mongo/collections.ts';
import type { Config } from '../config/schema.ts';
import { startServer, unwell, warning, well, why, type Diagnosis } from './diagnosis.ts';
import { diagnoseCollection } from './collection.ts';
import { connectMongo, type Mongo } from '../mongo/client.ts';
import { NotOurs, takeOwnership } from '../mongo/ownership.ts';
import { serverTime } from '../mongo/server-time.ts';
import { tlsTrouble } from '../net/tls.ts';

/** Never throws. Writes one document to our collection `control`, and removes it. */
export async function diagnoseMongo(config: Config): Promise<Diagnosis[]> {
  let mongo: Mongo;
  try {
    mongo = await connectMongo(config);
  } catch (error) {
    const elsewhere = 'MONGODB_URI to where it is; check user and password there';
    const remedy = startServer('MongoDB', elsewhere);
    return [unwell('reachable', why(error), tlsTrouble(error, 'mongodb') ?? remedy)];
  }
  const { db, own, theirs } = mongo;
  const asked = async (check: string, remedy: string, ask: () => Promise<Diagnosis>) =>
    ask().catch((error: unknown) => unwell(check, why(error), remedy));
  try {
    return [
      await asked('reachable', 'See the log of MongoDB', () => versionOf(db)),
      await asked('writes', READ_WRITE, () => writes(db, own, config.mongodb.ownPrefix)),
      await asked('clock', 'See the log of MongoDB', () => clock(db)),
      ...(await diagnoseCollection(theirs, own, config.mongodb).catch((error: unknown) => [
        unwell('collection', why(error), READ_WRITE),
      ])),
    ];
  } finally {
    await mongo.close();
  }
}

async function versionOf(db: Db): Promise<Diagnosis> {
  const { version } = await db.admin().command({ buildInfo: 1 });
  const hello = await db.admin().command({ hello: 1 });
  const topology =
    typeof hello['setName'] === 'string'
      ? `replica set ${hello['setName']}`
      : hello['msg'] === 'isdbgrid'
        ? 'sharded'
        : 'a single server';
  return well('reachable', `MongoDB ${String(version)}, ${topology}, database ${db.databaseName}`);
}

const READ_WRITE = 'Give the user of MONGODB_URI the role readWrite on the database';

/** With the write concern of every write of ours: a majority, in the journal. */
async function writes(db: Db, own: OwnDatabase, prefix: string): Promise<Diagnosis> {
  try {
    await takeOwnership(db, prefix);
  } catch (error) {
    if (error instanceof NotOurs) return unwell('collections of ours', error.found, error.remedy);
    throw error;
  }
  const control = own.collection<{ _id: string }>(OWN.control);
  const startedAt = performance.now();
  const { insertedId } = await control.insertOne({ _id: `doctor ${randomUUID()}` });
  await control.deleteOne({ _id: insertedId });
  const took = Math.round(performance.now() - startedAt);
  const detail = `a majority write in the journal, and its removal, took ${took} ms`;
  const remedy = 'Each registration costs a few such writes: see the disk and the load of MongoDB';
  return took > SLOW_MS ? warning('writes', detail, remedy) : well('writes', detail);
}

const SLOW_MS = 1_000;
const CLOCKS_APART_MS = 2_000;

/** Workers on several machines judge from the times in the journal what may still be on the wire. */
async function clock(db: Db): Promise<Diagnosis> {
  const before = Date.now();
  const theirs = await serverTime(db);
  const after = Date.now();
  // Somewhere between question and answer it read its clock.
  const apart = Math.max(0, before - theirs, theirs - after);
  const detail = apart === 0 ? 'agrees with ours' : `${apart} ms apart from ours`;
  const remedy = 'Let NTP set the clocks of both machines: deadlines compare times of both';
  return apart > CLOCKS_APART_MS ? warning('clock', detail, remedy) : well('clock', detail);
}
