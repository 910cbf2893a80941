/** The user's collection: the status of a registration, written once it is registered. */
import { MongoServerError, type AnyBulkWriteOperation, type Db, type Document } from 'mongodb';
import type { Config } from '../config/schema.ts';
import { partialFailure } from '../mongo/client.ts';
import {
  documentOf,
  fieldsOf,
  fieldsRead,
  fieldsWritten,
  placesOf,
  type Place,
  type Result,
  type Stored,
} from './own-documents.ts';
import { storedId } from './stored-id.ts';
import { setEach } from '../mongo/set-each.ts';

export type Written = 'written' | 'missing' | 'later' | { permanent: string };

export type Results = ReturnType<typeof openResults>;

export function openResults(db: Db, mongodb: Config['mongodb']) {
  const collection = db.collection<Stored>(mongodb.collection);
  const { match, matchType, statusField, registeredWord, upsert } = mongodb;
  const stored = ({ id }: Pick<Result, 'id'>) => storedId(id, matchType);
  // Only _id is unique for certain: by another field an insert could make a second document beside the user's own. What is
  // inserted then has an _id of ours, too, so that of two writes that overlap the second meets the first.
  const insertsFirst = upsert && match === '_id';
  return {
    /** Writes the status of each, idempotently; answers in the same order. @throws what MongoDB throws when nothing was written */
    async write(results: Result[]): Promise<Written[]> {
      try {
        return await (insertsFirst ? insertFirst(results) : writeTogether(results));
      } catch (error) {
        // One document that its collection refuses fails the statement for all: one by one, each has its own fate.
        if (error instanceof MongoServerError) return writeOneByOne(results);
        throw error;
      }
    },
    /** Its own document; the request id tells whose a document with a list of ids is. */
    async find(id: string, requestId: string | null = null): Promise<Document | null> {
      const found = await collection.find({ [match]: stored({ id }) }).toArray();
      const [own] = documentsAt(placesOf([{ id, requestId }], found, mongodb)[0]);
      return found.find(({ _id }) => _id === own) ?? null;
    },
    count: () => collection.countDocuments({ [statusField]: registeredWord }),
  };

  /** Most are new: one statement inserts them, another updates those that are there already. */
  async function insertFirst(results: Result[]): Promise<Written[]> {
    try {
      await collection.insertMany(
        results.map((each) => documentOf(each, mongodb)),
        { ordered: false },
      );
      return results.map(() => 'written');
    } catch (error) {
      const { duplicates, permanent, transient } = partialFailure(error);
      if (duplicates.size === 0 || permanent.size + transient.size > 0) throw error;
      const there = results.filter((_, index) => duplicates.has(index));
      const written = await writeTogether(there);
      const fates = new Map(there.map((result, index) => [result, written[index] ?? 'later']));
      return results.map((result) => fates.get(result) ?? 'written');
    }
  }

  /** Updates what is there in one statement and inserts what is not: far cheaper than as many upserts. */
  async function writeTogether(results: Result[]): Promise<Written[]> {
    const places = await locate(results);
    const written = results.map((_, at) => fateAt(places[at]));
    const targets = results.flatMap((result, at) =>
      documentsAt(places[at]).map((_id) => ({ _id, result, at })),
    );
    if (targets.length > 0) {
      const ids = targets.map(({ _id }) => _id);
      const { matchedCount } = await collection.updateMany(
        { $and: [{ _id: { $in: ids } }, { [match]: { $in: results.map(stored) } }] },
        setEach(ids, columnsOf(targets.map(({ result }) => fieldsOf(result, mongodb)))),
      );
      if (matchedCount < new Set(ids).size) putOff(written, targets);
    }
    const missing = results.filter((_, at) => isNowhere(places[at]));
    if (missing.length > 0 && upsert)
      await collection.insertMany(
        missing.map((each) => documentOf(each, mongodb)),
        { ordered: false },
      );
    return written;
  }

  async function writeOneByOne(results: Result[]): Promise<Written[]> {
    const places = await locate(results);
    const written = results.map((_, at) => fateAt(places[at]));
    const operations = results.flatMap((result, at): Operation[] => {
      if (isNowhere(places[at]))
        return upsert
          ? [{ at, write: { insertOne: { document: documentOf(result, mongodb) } } }]
          : [];
      const update = { $set: fieldsOf(result, mongodb) };
      return documentsAt(places[at]).map((_id) => {
        const filter = { [match]: stored(result), _id };
        return { at, write: { updateOne: { filter, update } } };
      });
    });
    if (operations.length === 0) return written;
    const putOffUnmatched = (matchedCount: number, failed: readonly Operation[] = []) => {
      const updates = operations.filter(
        (each) => 'updateOne' in each.write && !failed.includes(each),
      );
      if (matchedCount < updates.length) putOff(written, updates);
    };
    try {
      const { matchedCount } = await collection.bulkWrite(
        operations.map(({ write }) => write),
        { ordered: false },
      );
      putOffUnmatched(matchedCount);
    } catch (error) {
      const { duplicates, permanent, transient, matchedCount } = partialFailure(error);
      const failed = (indexes: Iterable<number>) =>
        [...indexes].flatMap((index) => operations[index] ?? []);
      putOffUnmatched(matchedCount, failed([...duplicates, ...permanent.keys(), ...transient]));
      putOff(written, failed(transient));
      // Two inserts of one id can meet; the one that lost finds the document the next time. Else another unique index of the
      // collection refuses it, and always will.
      const refused = failed(duplicates);
      const now = await locate(refused.flatMap(({ at }) => results[at] ?? []));
      for (const [n, { at, write }] of refused.entries()) {
        const isThere = 'insertOne' in write && !isNowhere(now[n]);
        written[at] = isThere ? 'later' : { permanent: 'refused by a unique index (11000)' };
      }
      for (const [index, reason] of permanent)
        for (const { at } of failed([index])) written[at] = { permanent: reason };
    }
    return written;
  }

  /** A document that is nowhere, and may be made, is written by an insert. */
  function fateAt(place: Place | undefined): Written {
    if (place !== undefined && 'permanent' in place) return place;
    return isNowhere(place) && !upsert ? 'missing' : 'written';
  }

  function columnsOf(rows: readonly Document[]): Record<string, unknown[]> {
    return Object.fromEntries(
      fieldsWritten(mongodb).map((name): [string, unknown[]] => [
        name,
        rows.map((row): unknown => row[name]),
      ]),
    );
  }

  async function locate(results: readonly Result[]): Promise<Place[]> {
    const projection = fieldsRead(mongodb);
    const found = await collection
      .find({ [match]: { $in: results.map(stored) } }, { projection })
      .toArray();
    return placesOf(results, found, mongodb);
  }
}

/** A write of the result at a place of the list. */
interface Operation {
  at: number;
  write: AnyBulkWriteOperation<Stored>;
}

/** Where a document is not matched, somebody has deleted or changed it meanwhile: the next attempt finds what there is now. */
function putOff(written: Written[], writes: readonly Pick<Operation, 'at'>[]): void {
  for (const { at } of writes) written[at] = 'later';
}

const documentsAt = (place: Place | undefined): Stored['_id'][] =>
  Array.isArray(place) ? place : [];

const isNowhere = (place: Place | undefined): boolean => Array.isArray(place) && place.length === 0;
