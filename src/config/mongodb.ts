// The user's collection, and the fields of it that are written.
import { z } from 'zod';
import { tls } from './tls.ts';
import { decodedOrBare } from '../domain/decoded.ts';
import { areSound, duration, flag, text, word } from './values.ts';
import { OWN_PREFIX } from '../domain/names.ts';
import { ID_TYPES } from '../domain/registrations/id-type.ts';

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
  // What is not well encoded the driver refuses, and says why.
  return decodedOrBare(path) || 'despachante';
}

/** Of our own collections. */
export const ownDatabaseOf = ({ mongodb, mongodbUri }: Owning): string =>
  mongodb.ownDatabase ?? mongodb.database ?? databaseOf(mongodbUri);

interface Owning {
  readonly mongodb: { readonly ownDatabase: string | null; readonly database: string | null };
  readonly mongodbUri: string;
}

/** For a check of the whole configuration. */
export const databaseIsOurs = ({ mongodb, mongodbUri }: Located): boolean =>
  mongodb.database !== null || !SYSTEM.includes(databaseOf(mongodbUri));

export const NOT_OUR_DATABASE = {
  error: `an address with a database ${NOT_SYSTEM}: write /?authSource=admin where it only says who knows the user, or name the database in mongodb.database`,
  path: ['mongodbUri'],
  params: { involves: ['mongodb.database'] },
  when: areSound('mongodbUri', 'mongodb.database'),
};

/** One written over another would be lost; over the registration id, nobody would find the document again. */
const FIELDS = ['match', 'statusField', 'requestIdField', 'registeredAtField'] as const;

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
  const differs = (section: z.output<typeof settings>): boolean =>
    section[field] === null || others.every((other) => section[other] !== section[field]);
  return schema.refine(differs, {
    error: `another field than ${names.join(', ')}: one would be written over the other`,
    path: [field],
    params: { involves: names },
    when: areSound(field),
  });
}, settings);

interface Located {
  mongodbUri: string;
  mongodb: z.output<typeof settings>;
}

/** For a check of the whole configuration: our collections and the user's, where they share a database. */
export function collectionIsTheirs({ mongodb, mongodbUri }: Located): boolean {
  const { database, ownDatabase, collection, ownPrefix } = mongodb;
  const shares = ownDatabase === null || ownDatabase === (database ?? databaseOf(mongodbUri));
  return !shares || !collection.startsWith(ownPrefix);
}

export const NOT_THEIR_COLLECTION = {
  error:
    'a collection name that does not begin as our own do (mongodb.ownPrefix), since they share its database',
  path: ['mongodb', 'collection'],
  params: { involves: ['mongodb.ownPrefix', 'mongodb.ownDatabase'] },
  when: areSound(
    'mongodbUri',
    ...['mongodb.database', 'mongodb.ownDatabase', 'mongodb.collection', 'mongodb.ownPrefix'],
  ),
};
