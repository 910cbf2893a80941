/**
 * Whose a collection is. A document in `despachante_control` names ours before anything is written to them. What holds documents
 * and is not named is somebody else's: it is never touched, and nothing starts beside it.
 */
import { isDeepStrictEqual } from 'node:util';
import type { CollectionInfo, Db, IndexDescriptionInfo } from 'mongodb';
import { EXPIRY, OWN, ownName, type Expiry, type OwnCollection } from './collections.ts';
import { OWN_PREFIX } from '../domain/names.ts';
import { isDuplicateKey } from './client.ts';
import { inMongosh } from './indexes.ts';

export interface OwnershipDocument {
  _id: 'ownership';
  product: 'despachante';
  collections: string[];
}

/** A collection that bears a name of ours cannot be used. */
export class NotOurs extends Error {
  override readonly name = 'NotOurs';

  readonly found: string;
  readonly remedy: string;

  constructor(found: string, remedy: string) {
    super(`${found}. ${remedy}`);
    this.found = found;
    this.remedy = remedy;
  }
}

const NAMES: readonly OwnCollection[] = Object.values(OWN);

const namesWith = (prefix: string): string[] => NAMES.map((name) => ownName(name, prefix));

/**
 * Writes nothing. Returns the names that are free: not there, or empty and nobody's yet.
 * @throws NotOurs where a collection of our names is another's, or is of a kind that would lose our documents
 */
export async function refuseForeign(db: Db, prefix = OWN_PREFIX): Promise<string[]> {
  const names = namesWith(prefix);
  const ours = await marked(db, prefix);
  const there = await db.listCollections<CollectionInfo>({ name: { $in: names } }).toArray();
  const unfit = there.flatMap(unfitness);
  if (unfit.length > 0) throw unfitError(db, unfit);
  const isThere = (name: string) => there.some((info) => info.name === name);
  const unmarked = names.filter((name) => !ours.has(name));
  const full = await filled(db, unmarked.filter(isThere));
  if (full.length > 0) {
    // Another process of ours may have marked and filled it in between.
    const now = await marked(db, prefix);
    const foreign = full.filter((name) => !now.has(name));
    if (foreign.length > 0) throw foreignError(db, prefix, foreign, now);
  }
  return unmarked.filter((name) => !full.includes(name));
}

/** Marks what is free as ours, before anything else is done with it. @throws as refuseForeign */
export async function takeOwnership(db: Db, prefix = OWN_PREFIX): Promise<void> {
  const free = await refuseForeign(db, prefix);
  if (free.length === 0) return;
  try {
    await mark(db, prefix, free);
  } catch (error) {
    // Another process has made the document meanwhile: now it is there.
    if (!isDuplicateKey(error)) throw error;
    await mark(db, prefix, free);
  }
}

async function mark(db: Db, prefix: string, names: readonly string[]): Promise<void> {
  await db
    .collection<OwnershipDocument>(ownName(OWN.control, prefix))
    .updateOne(
      { _id: 'ownership', product: 'despachante' },
      { $addToSet: { collections: { $each: [...names] } } },
      { upsert: true },
    );
}

/** The names in the marker, which is ours with what it stands in; none where it is not there, or not as we write it. */
async function marked(db: Db, prefix: string): Promise<ReadonlySet<string>> {
  const control = ownName(OWN.control, prefix);
  const document = await db
    .collection<{ _id: string; collections?: unknown }>(control)
    .findOne({ _id: 'ownership', product: 'despachante' });
  const names = document?.collections;
  return new Set(Array.isArray(names) ? [control, ...names.map(String)] : []);
}

async function filled(db: Db, names: readonly string[]): Promise<string[]> {
  const firsts = await Promise.all(
    names.map((name) => db.collection(name).findOne({}, { projection: { _id: 1 } })),
  );
  return names.filter((_, at) => firsts[at] !== null);
}

/** Options that a collection of ours never has, and what each would do to it. */
const UNFIT: Readonly<Record<string, string>> = {
  viewOn: 'a view, which cannot be written',
  timeseries: 'a time series, whose documents have no _id of ours',
  capped: 'capped, and would drop the oldest documents',
  collation: 'one with a collation, and would take two registration ids for one',
  expireAfterSeconds: 'one whose documents expire',
};

function unfitness({ name, options }: CollectionInfo): string[] {
  return Object.entries(options ?? {}).flatMap(([option, value]) => {
    const why = UNFIT[option];
    return why === undefined || value === false ? [] : [`${name} is ${why}`];
  });
}

/**
 * Of a claim or an entry that expires too early nobody would know that it was filed.
 * @throws NotOurs where an index that we did not make has documents of ours expire
 */
export async function refuseExpiry(db: Db, prefix = OWN_PREFIX): Promise<void> {
  const there = await db.listCollections({}, { nameOnly: true }).toArray();
  const own = NAMES.filter((name) => there.some((info) => info.name === ownName(name, prefix)));
  const lines = (await Promise.all(own.map((name) => expiryOf(db, prefix, name)))).flat();
  if (lines.length === 0) return;
  throw new NotOurs(
    `The database "${db.databaseName}" has indexes that Despachante did not make, and by which its documents would expire`,
    `Drop them in mongosh: ${lines.join('; ')}`,
  );
}

async function expiryOf(db: Db, prefix: string, name: OwnCollection): Promise<string[]> {
  const indexes = await db.collection(ownName(name, prefix)).indexes();
  const ours: Readonly<Partial<Record<OwnCollection, Expiry>>> = EXPIRY;
  const expiry = ours[name];
  const isOurs = ({ key, partialFilterExpression }: IndexDescriptionInfo): boolean =>
    expiry !== undefined &&
    isDeepStrictEqual(key, { [expiry.field]: 1 }) &&
    isDeepStrictEqual(partialFilterExpression, expiry.only);
  return indexes
    .filter((index) => index.expireAfterSeconds !== undefined && !isOurs(index))
    .map((index) => {
      return `${inMongosh(db.databaseName, ownName(name, prefix))}.dropIndex(${JSON.stringify(index.name)})`;
    });
}

const unfitError = ({ databaseName }: Db, unfit: readonly string[]): NotOurs =>
  new NotOurs(
    `The database "${databaseName}" has collections of our names that we cannot use: ${unfit.join('; ')}. Nothing in them was touched`,
    'Rename or drop them, or give Despachante a database of its own (mongodb.ownDatabase), or another prefix (mongodb.ownPrefix)',
  );

function foreignError(
  { databaseName }: Db,
  prefix: string,
  foreign: readonly string[],
  ours: ReadonlySet<string>,
): NotOurs {
  const collections = JSON.stringify([...new Set([...ours, ...foreign])]);
  const line = `${inMongosh(databaseName, ownName(OWN.control, prefix))}.updateOne({ _id: "ownership" }, { $set: { product: "despachante", collections: ${collections} } }, { upsert: true })`;
  return new NotOurs(
    `The database "${databaseName}" has collections of our names that hold documents and are not marked as ours: ${foreign.join(', ')}. Nothing in them was touched`,
    `If they are somebody else's, give Despachante a database of its own (mongodb.ownDatabase), or another prefix (mongodb.ownPrefix). If they are ours, restored from a backup say, mark them in mongosh: ${line}`,
  );
}
