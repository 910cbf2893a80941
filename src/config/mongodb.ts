// The user's collection, and the fields of it that are written.
import { z } from 'zod';
import { tls } from './tls.ts';
import { duration, flag, text } from './values.ts';
import { OWN_PREFIX } from '../domain/names.ts';

/** Written beside the status. */
export const REQUEST_ID = 'requestId';
export const REGISTERED_AT = 'registeredAt';

/** Databases of the server's own. */
const SYSTEM = ['admin', 'config', 'local'];
const NOT_SYSTEM = `other than ${SYSTEM.join(', ')}, which are the server's own`;

function mongoField(...taken: string[]) {
  const others = taken.map((name) => `"${name}"`).join(', ');
  const expected = `the name of a field, without ".", not beginning with "$", other than ${others} and "__proto__"`;
  const excluded = [...taken, '__proto__'].join('|');
  return text(expected, 200, new RegExp(`^(?!\\$|(?:${excluded})$)[^.\\s]+$`));
}

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

const match = mongoField(REQUEST_ID, REGISTERED_AT);
const statusField = mongoField('_id', REQUEST_ID, REGISTERED_AT);
const fields = z.object({ match, statusField });

export const mongodb = z
  .strictObject({
    database: text(
      `a database name ${NOT_SYSTEM}; or null for the one that MONGODB_URI names`,
      63,
      new RegExp(`^(?!(?:${SYSTEM.join('|')})$)[^/\\\\. "$]+$`),
    )
      .nullable()
      .prefault(null),
    collection: text(
      `a collection name that begins neither with "${OWN_PREFIX}", as our own do, nor with "system."`,
      120,
      new RegExp(`^(?!system\\.|${OWN_PREFIX}|\\.)(?!.*\\.\\.)[^$]*[^$.]$`),
    ).prefault('registrations'),
    match: match.prefault('_id'),
    statusField: statusField.prefault('status'),
    registeredWord: text('a word', 200).prefault('registered'),
    upsert: flag().prefault(true),
    retention: duration('1m', '3650d').prefault('90d'),
    tls: tls('mongodb'),
  })
  .refine(({ match, statusField }) => match !== statusField, {
    error: 'another field than mongodb.match: the status would be written over the registration id',
    path: ['statusField'],
    params: { involves: ['mongodb.match'] },
    when: ({ value }) => fields.safeParse(value).success,
  });
