/** What some documents of the user's collection hold where the registration id is to be. */
import type { Db } from 'mongodb';
import type { Config } from '../config/schema.ts';
import type { IdType } from '../domain/registrations/id-type.ts';
import { heldIds, type Stored } from './own-documents.ts';
import { textOfStored, typeOfStored } from './stored-id.ts';

export interface Sample {
  /** With the field of `mongodb.match` alone, beside `_id`. */
  documents: Stored[];
  /** Values that are of the type of `mongodb.matchType`. */
  fitting: number;
  /** How many values are of which other type. */
  others: ReadonlyMap<string, number>;
  /** Documents that hold a list there. */
  lists: number;
}

/** So many of the first and of the last by `_id`: others may have begun to write another type. */
const OF_EACH_END = 100;

export async function sampleOf(db: Db, mongodb: Config['mongodb']): Promise<Sample> {
  const { match, matchType } = mongodb;
  const collection = db.collection<Stored>(mongodb.collection);
  const ends = { projection: { [match]: 1 }, limit: OF_EACH_END };
  const first = await collection.find({}, ends).sort({ _id: 1 }).toArray();
  const rest = { _id: { $nin: first.map(({ _id }) => _id) } };
  const last = await collection.find(rest, ends).sort({ _id: -1 }).toArray();
  const documents = [...first, ...last];
  const values = documents.flatMap((document) => heldIds(document, match)).filter(isThere);
  const others = new Map<string, number>();
  for (const value of values) {
    if (textOfStored(value, matchType) !== null) continue;
    const type = typeOfStored(value);
    others.set(type, (others.get(type) ?? 0) + 1);
  }
  return {
    documents,
    fitting: values.length - sum(others),
    others,
    lists: documents.filter((document) => Array.isArray(document[match])).length,
  };
}

const isThere = (value: unknown): boolean => value !== undefined && value !== null;
const sum = (counts: ReadonlyMap<string, number>): number =>
  [...counts.values()].reduce((all, each) => all + each, 0);

/** Null where the sample says nothing against the type. */
export function mistyped(
  { fitting, others }: Sample,
  { match, matchType, collection }: Config['mongodb'],
): { found: string; remedy: string; isMost: boolean } | null {
  const most = [...others].sort(([, a], [, b]) => b - a)[0]?.[0];
  if (most === undefined) return null;
  const kinds = [...others].map(([type, count]) => `${count} × ${type}`).join(', ');
  const odd = sum(others);
  const found = `Of a sample of the collection "${collection}", ${odd} of ${fitting + odd} values of "${match}" are no ${matchType}, but ${kinds}: no registration would find such a document`;
  const type = FITTING[most];
  const remedy =
    type === undefined
      ? 'Name the field that holds the registration id in mongodb.match'
      : `Set mongodb.matchType: ${type}, or name the field that holds the registration id in mongodb.match`;
  return { found, remedy, isMost: odd > fitting };
}

/** By what `typeOfStored` says. */
const FITTING: Readonly<Partial<Record<string, IdType>>> = {
  string: 'string',
  objectId: 'objectId',
  number: 'long',
  uuid: 'uuid',
};

/** @throws Error where most of a sample is of another type than the registration ids are written in */
export async function refuseMistyped(db: Db, mongodb: Config['mongodb']): Promise<void> {
  const wrong = mistyped(await sampleOf(db, mongodb), mongodb);
  if (wrong?.isMost === true) throw new Error(`${wrong.found}. ${wrong.remedy}`);
}
