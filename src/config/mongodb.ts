// The user's collection, and the fields of it that are written.
import { z } from 'zod';
import { tls } from './tls.ts';
import { duration, flag, text, word } from './values.ts';
import { OWN_PREFIX } from '../domain/names.ts';
import { ID_TYPES } from '../domain/registrations/id-type.ts';

/** Databases of the server's own. */
const SYSTEM = ['admin', 'config', 'local'];
const NOT_SYSTEM = `other than ${SYSTEM.join(', ')}, which are the server's own`;

const FIELD = 'the name of a field, without ".", not beginning with "$", other than';

const match = text(`${FIELD} "__proto__"`, 200, /^(?!\$|__proto__$)[^.\s]+$/);

/** A field that we write. */
const written = () =>
  text(`${FIELD} "_id" and "__proto__"`, 200, /^(?!\$|(?:_id|__proto__)$)[^.\s]+$/);

/** The database that the address names, else `despachante` (the driver's own default would be `test`). */
export function databaseOf(uri: string): string {
  const path = /^mongodb(?:\+srv)?:\/\/[^/]*\/([^?]*)/.exec(uri)?.[1] ?? '';
  if (path === '') return 'despachante';
  try {
    return decodeURIComponent(path);
  } catch {
    return path; // the driver says what is wrong with it
  }
}

/** Of our own collections. */
export const ownDatabaseOf = ({ mongodb, mongodbUri }: Owning): string =>
  mongodb.ownDatabase ?? mongodb.database ?? databaseOf(mongodbUri);

interface Owning {
  readonly mongodb: { readonly ownDatabase: string | null; readonly database: string | null };
  readonly mongodbUri: string;
}

/** For a check of the whole configuration. */
export const databaseIsOurs = {
  check: ({ mongodb, mongodbUri }: { mongodb: { database: string | null }; mongodbUri: string }) =>
    mongodb.database !== null || !SYSTEM.includes(databaseOf(mongodbUri)),
  error: `an address with a database ${NOT_SYSTEM}: write /?authSource=admin where it only says who knows the user, or name the database in mongodb.database`,
  /** Whether the configuration got as far as having both. */
  when: (value: unknown) =>
    z
      .object({
        mongodbUri: z.string(),
        mongodb: z.object({ database: z.string().nullable() }),
      })
      .safeParse(value).success,
};

/** One written over another would be lost; over the registration id, nobody would find the document again. */
const FIELDS = ['match', 'statusField', 'requestIdField', 'registeredAtField'] as const;
const anyFields = z.looseObject(
  Object.fromEntries(FIELDS.map((name) => [name, z.unknown().optional()])),
);

function differs(section: unknown, field: string, others: readonly string[]): boolean {
  const { data = {} } = anyFields.safeParse(section);
  // That it is not to be "_id" is said already.
  const isNamed = typeof data[field] === 'string' && data[field] !== '_id';
  return !isNamed || others.every((other) => data[other] !== data[field]);
}

function databaseName(limits: string) {
  const pattern = new RegExp(`^(?!(?:${SYSTEM.join('|')})$)[^/\\\\. "$]+$`);
  return text(`a database name ${limits}`, 63, pattern).nullable().prefault(null);
}

const settings = z.strictObject({
  database: databaseName(`${NOT_SYSTEM}; or null for the one that MONGODB_URI names`),
  collection: text(
    `a collection name that begins neither with "${OWN_PREFIX}", as our own do, nor with "system."`,
    120,
    new RegExp(`^(?!system\\.|${OWN_PREFIX}|\\.)(?!.*\\.\\.)[^$]*[^$.]$`),
  ).prefault('registrations'),
  match: match.prefault('_id'),
  matchType: word(ID_TYPES).prefault('string'),
  statusField: written().prefault('status'),
  registeredWord: text('a word', 200).prefault('registered'),
  requestIdField: written().nullable().prefault('requestId'),
  registeredAtField: written().nullable().prefault('registeredAt'),
  upsert: flag().prefault(true),
  ownDatabase: databaseName(`${NOT_SYSTEM}; or null for that of the collection`),
  ownPrefix: text(
    'the beginning of the names of our own collections, of letters, digits, "_" and "-"',
    60,
    /^[A-Za-z][\w-]*$/,
  ).prefault(OWN_PREFIX),
  retention: duration('1m', '3650d').prefault('90d'),
  tls: tls('mongodb'),
});

export const mongodb = FIELDS.slice(1).reduce((schema, field, before) => {
  const others = FIELDS.slice(0, before + 1);
  const names = others.map((other) => `mongodb.${other}`);
  return schema.refine((section) => differs(section, field, others), {
    error: `another field than ${names.join(', ')}: one would be written over the other`,
    path: [field],
    params: { involves: names },
    when: ({ value }) => !differs(value, field, others),
  });
}, settings);

const placed = z.object({
  mongodbUri: z.string(),
  mongodb: z.object({
    database: z.string().nullable(),
    ownDatabase: z.string().nullable(),
    collection: z.string(),
    ownPrefix: z.string(),
  }),
});

/** For a check of the whole configuration: our collections and the user's, where they share a database. */
export const collectionIsTheirs = {
  check: ({ mongodb: { database, ownDatabase, collection, ownPrefix }, mongodbUri }: Placed) => {
    const shares = ownDatabase === null || ownDatabase === (database ?? databaseOf(mongodbUri));
    // The first two are said already.
    const isSaid = ownPrefix === '' || collection.startsWith(OWN_PREFIX);
    return isSaid || !shares || !collection.startsWith(ownPrefix);
  },
  error:
    'a collection name that does not begin as our own do (mongodb.ownPrefix), since they share its database',
  /** Whether the configuration got as far as having them. */
  when: (value: unknown) => placed.safeParse(value).success,
};

type Placed = z.output<typeof placed>;
