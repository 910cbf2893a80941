/** Would the validator of the user's collection let through what we write? It is asked as a query: nothing is written. */
import type { Collection, Db, Document } from 'mongodb';
import type { Config } from '../config/schema.ts';
import { isMapping } from '../config/tree.ts';
import type { IdType } from '../domain/registrations/id-type.ts';
import { OWN, type OwnDatabase } from '../mongo/collections.ts';
import type { Sample } from '../registrations/collection-sample.ts';
import { documentOf, fieldsOf, heldIds } from '../registrations/own-documents.ts';
import { textOfStored } from '../registrations/stored-id.ts';
import { unwell, warning, well, why, type Diagnosis } from './diagnosis.ts';

type Settings = Config['mongodb'];

const CHECK = 'validator';

/** Empty where there is none. Never throws. */
export async function diagnoseValidator(
  db: Db,
  own: OwnDatabase,
  sample: Sample,
  { validator, validationLevel = 'strict', validationAction = 'error' }: Record<string, unknown>,
  mongodb: Settings,
): Promise<Diagnosis[]> {
  const { collection, upsert } = mongodb;
  if (!isMapping(validator) || validationLevel === 'off') return [];
  try {
    const refused = [
      ...(await updatesRefused(
        db.collection(collection),
        sample,
        validator,
        validationLevel,
        mongodb,
      )),
      ...(upsert ? await insertsRefused(own, sample, validator, mongodb) : []),
    ];
    if (refused.length === 0) return [well(CHECK, 'lets through what is written')];
    const detail = refused.map(({ what }) => what).join('; ');
    return validationAction === 'error'
      ? [unwell(CHECK, detail, refused.map(({ remedy }) => remedy).join('. '))]
      : [warning(CHECK, `${detail}. MongoDB only logs it (validationAction)`, ALLOW)];
  } catch (error) {
    const remedy = `Try by hand whether a document may have the fields that are written: ${why(error)}`;
    return [warning(CHECK, 'there is one, and it could not be tried', remedy)];
  }
}

interface Refused {
  what: string;
  remedy: string;
}

const ALLOW = 'Allow these fields in the validator (collMod)';

/** The documents of the sample with our fields in them; those that are refused already stay as they are where it is moderate. */
async function updatesRefused(
  collection: Collection,
  { documents }: Sample,
  rules: Document,
  level: unknown,
  mongodb: Settings,
): Promise<Refused[]> {
  const some = [
    { $match: { _id: { $in: documents.map(({ _id }) => _id) } } },
    ...(level === 'moderate' ? [{ $match: rules }] : []),
  ];
  const all = await count(collection, some);
  const refusedWith = async (fields: Document): Promise<number> =>
    all - (await count(collection, [...some, withFields(fields), { $match: rules }]));
  const fields = fieldsOf(EXAMPLE, mongodb);
  const refused = await refusedWith(fields);
  if (refused === 0) return [];
  const blamed: string[] = [];
  for (const [name, value] of Object.entries(fields))
    if ((await refusedWith({ [name]: value })) > 0) blamed.push(name);
  return [
    {
      what: `it refuses ${refused} of ${all} documents of a sample once they have ${(blamed.length > 0 ? blamed : Object.keys(fields)).join(', ')}`,
      remedy: `${ALLOW}, or name others in mongodb.statusField, requestIdField and registeredAtField; the last two may be null, and are left out then`,
    },
  ];
}

const withFields = (fields: Document): Document => ({
  $replaceWith: { $mergeObjects: ['$$ROOT', { $literal: fields }] },
});

/** A new document, with an id out of the sample: the validator may say what one looks like. */
async function insertsRefused(
  own: OwnDatabase,
  { documents }: Sample,
  rules: Document,
  mongodb: Settings,
): Promise<Refused[]> {
  const { match, matchType } = mongodb;
  const ids = documents.flatMap((each) =>
    heldIds(each, match).flatMap((value) => textOfStored(value, matchType) ?? []),
  );
  const id = ids[0] ?? EXAMPLE_IDS[matchType];
  const document = documentOf({ ...EXAMPLE, id }, mongodb);
  // Any document will do to put it into the place of, and of ours there is one.
  const pipeline = [{ $limit: 1 }, { $replaceWith: { $literal: document } }];
  const control = own.collection(OWN.control);
  if ((await count(control, [...pipeline, { $match: rules }])) > 0) return [];
  if ((await count(control, pipeline)) === 0) return [];
  return [
    {
      what: `it refuses a new document with ${Object.keys(document).join(', ')}`,
      remedy:
        'Set mongodb.upsert: false where others insert the documents, or have the validator allow such a one',
    },
  ];
}

async function count(collection: Collection, pipeline: Document[]): Promise<number> {
  const [counted] = await collection.aggregate([...pipeline, { $count: 'n' }]).toArray();
  return Number(counted?.['n'] ?? 0);
}

const EXAMPLE = { requestId: 'REQ-1', registeredAt: new Date(0) };
const EXAMPLE_IDS: Readonly<Record<IdType, string>> = {
  string: 'registration-1',
  objectId: '0'.repeat(24),
  int: '1',
  long: '1',
  uuid: '00000000-0000-4000-8000-000000000000',
};
