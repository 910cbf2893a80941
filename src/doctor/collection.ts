/** Can registrations be written to the user's collection as it is? Nothing is written for the asking. */
import type { Collection, CollectionInfo, Db, Document, IndexDescriptionInfo } from 'mongodb';
import type { Config } from '../config/schema.ts';
import { isMapping } from '../config/tree.ts';
import type { OwnDatabase } from '../mongo/collections.ts';
import { mistyped, sampleOf, type Sample } from '../registrations/collection-sample.ts';
import type { Stored } from '../registrations/own-documents.ts';
import { unwell, warning, well, type Diagnosis } from './diagnosis.ts';
import { diagnoseValidator } from './validator.ts';

type Settings = Config['mongodb'];

/** @throws what MongoDB throws */
export async function diagnoseCollection(
  db: Db,
  own: OwnDatabase,
  mongodb: Settings,
): Promise<Diagnosis[]> {
  const { collection: name, upsert } = mongodb;
  const check = `collection ${name}`;
  const [there] = await db.listCollections<CollectionInfo>({ name }).toArray();
  if (there === undefined)
    return [
      upsert
        ? well(check, 'not there yet; the first registration makes it')
        : unwell(
            check,
            'not there, and mongodb.upsert is off, so that every registration would fail',
            'Check mongodb.collection and the database, or set mongodb.upsert: true',
          ),
    ];
  if (there.type === 'view' || there.type === 'timeseries') {
    const remedy = 'Name a collection in mongodb.collection';
    return [unwell(check, `a ${there.type}, whose documents cannot be changed`, remedy)];
  }
  const collection = db.collection<Stored>(name);
  const sample = await sampleOf(db, mongodb);
  return [
    await indexOf(collection, check, there.options ?? {}, mongodb),
    idsIn(sample, mongodb),
    ...listsIn(sample, mongodb),
    ...collationOf(there.options ?? {}, mongodb),
    ...(await diagnoseValidator(db, own, sample, there.options ?? {}, mongodb)),
  ];
}

async function indexOf(
  collection: Collection<Stored>,
  check: string,
  { collation }: Document,
  { match }: Settings,
): Promise<Diagnosis> {
  if (match === '_id') return well(check, 'found by _id');
  // A partial index leaves documents out, and one of another collation sorts them otherwise: neither finds an id.
  const isOfUse = (index: IndexDescriptionInfo & Document): boolean =>
    Object.keys(index.key)[0] === match &&
    index.partialFilterExpression === undefined &&
    sameCollation(index['collation'], collation);
  const indexes = (await collection.indexes()).filter(isOfUse);
  const create = `db.getCollection(${JSON.stringify(collection.collectionName)}).createIndex({ ${JSON.stringify(match)}: 1 }, { unique: true })`;
  if (indexes.length === 0)
    return warning(
      check,
      `no index on ${match} that finds an id, so that every write reads the whole collection`,
      `Create one: ${create}`,
    );
  const isUnique = indexes.some(({ key, unique }) => unique && Object.keys(key).length === 1);
  return isUnique
    ? well(check, `found by ${match}, which has a unique index`)
    : warning(
        check,
        `found by ${match}, whose index is not unique: all documents with an id get its status`,
        `If each id is to have one document, drop that index and create a unique one: ${create}`,
      );
}

const sameCollation = (a: unknown, b: unknown): boolean => {
  const facts = (each: unknown) => {
    const { locale = 'simple', strength = 3 } = isMapping(each) ? each : {};
    return `${String(locale)} ${String(strength)}`;
  };
  return facts(a) === facts(b);
};

function idsIn(sample: Sample, mongodb: Settings): Diagnosis {
  const { match, matchType } = mongodb;
  const check = `ids in ${match}`;
  const wrong = mistyped(sample, mongodb);
  if (wrong?.isMost === true) return unwell(check, wrong.found, wrong.remedy);
  if (wrong !== null)
    return warning(check, wrong.found, `See whether those are registrations: ${wrong.remedy}`);
  if (sample.documents.length === 0) return well(check, 'no document yet');
  return sample.fitting > 0
    ? well(check, `of a sample all are ${matchType}`)
    : warning(
        check,
        'no document of a sample has that field',
        'Name the field that holds the registration id in mongodb.match',
      );
}

const listsIn = ({ lists, documents }: Sample, { match }: Settings): Diagnosis[] =>
  lists === 0
    ? []
    : [
        warning(
          `lists in ${match}`,
          `${lists} of ${documents.length} documents of a sample hold a list there`,
          'Nothing, if each list holds one registration: the first that is registered gets the document, and another id of it is set aside',
        ),
      ];

/** Where it takes two ids for one, the document of the one keeps that of the other out. */
function collationOf({ collation }: Document, { upsert }: Settings): Diagnosis[] {
  const { strength = 3, alternate } = isMapping(collation) ? collation : {};
  if (!upsert || (Number(strength) >= 3 && alternate !== 'shifted')) return [];
  return [
    warning(
      'collation',
      'the collection takes ids for one that differ in case, accents or punctuation alone; they are two registrations',
      'Nothing, if no two ids differ in that alone: the second would be set aside. Else copy it into a collection without a collation, and name that in mongodb.collection',
    ),
  ];
}
