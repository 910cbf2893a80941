/** Which documents of the user's collection are a registration's. */
import type { Document } from 'mongodb';
import type { Config } from '../config/schema.ts';
import { storedId, textOfStored, type StoredId } from './stored-id.ts';

export interface Result {
  id: string;
  requestId: string | null;
  registeredAt: Date;
}

/** A document of the user. */
export interface Stored extends Document {
  /** Or whatever else BSON has: we only hand it back. */
  _id: StoredId;
}

/** The `_id`s of its documents, none where it has none; or why its status can be written to none of them. */
export type Place = Stored['_id'][] | { permanent: string };

const TAKEN =
  'its document holds the ids of several registrations, and has the request id of another one';

const AMBIGUOUS =
  'several documents hold its id in a list, and in none it is the whole value: which is its own cannot be told';

/**
 * The place of each result, in their order: the documents in which the id is the whole value; where there are none, the only
 * document that holds the id in a list. Such a document belongs to the first of its ids that was registered, since it has room
 * for one request id. Ids are compared byte for byte, whatever the collation: to MongoDB "A" may be "a".
 *
 * @param found documents that MongoDB takes to match any of them
 */
export function placesOf(
  results: readonly Pick<Result, 'id' | 'requestId'>[],
  found: readonly Stored[],
  { match, matchType, statusField, registeredWord, requestIdField }: Config['mongodb'],
): Place[] {
  const [whole, inLists] = [new Map<unknown, Stored[]>(), new Map<unknown, Stored[]>()];
  for (const document of found) {
    const holders = Array.isArray(document[match]) ? inLists : whole;
    const held = heldIds(document, match).map((value) => textOfStored(value, matchType));
    for (const id of new Set(held)) holders.set(id, [...(holders.get(id) ?? []), document]);
  }
  const owners = new Map<Stored, string>();
  return results.map(({ id, requestId }): Place => {
    const own = whole.get(id);
    if (own !== undefined) return own.map(({ _id }) => _id);
    const [list, ...more] = inLists.get(id) ?? [];
    if (list === undefined) return [];
    if (more.length > 0) return { permanent: AMBIGUOUS };
    if (requestIdField !== null) {
      const isOthers =
        (owners.get(list) ?? id) !== id ||
        (heldIds(list, match).length > 1 &&
          list[statusField] === registeredWord &&
          typeof list[requestIdField] === 'string' &&
          list[requestIdField] !== requestId);
      if (isOthers) return { permanent: TAKEN };
      owners.set(list, id);
    }
    return [list._id];
  });
}

/** What a document holds where the registration id is: one, or a list of them. */
export const heldIds = (document: Document, match: string): unknown[] => {
  const held: unknown = document[match];
  return Array.isArray(held) ? held : [held];
};

/** What is inserted where it has none. Only `_id` is unique for certain, so that it is the registration id in any case. */
export function documentOf(result: Result, mongodb: Config['mongodb']): Stored {
  const id = storedId(result.id, mongodb.matchType);
  return { [mongodb.match]: id, ...fieldsOf(result, mongodb), _id: id };
}

/** What is set in a document that is there. */
export const fieldsOf = (
  { requestId, registeredAt }: Pick<Result, 'requestId' | 'registeredAt'>,
  { statusField, registeredWord, requestIdField, registeredAtField }: Config['mongodb'],
): Record<string, unknown> => ({
  [statusField]: registeredWord,
  ...(requestIdField === null ? {} : { [requestIdField]: requestId }),
  ...(registeredAtField === null ? {} : { [registeredAtField]: registeredAt }),
});

/** A projection on what tells whose a document is, and that it is registered. */
export const fieldsRead = (mongodb: Config['mongodb']): Record<string, 1> =>
  Object.fromEntries(
    [mongodb.match, ...fieldsWritten(mongodb)].map((field): [string, 1] => [field, 1]),
  );

export const fieldsWritten = ({
  statusField,
  requestIdField,
  registeredAtField,
}: Config['mongodb']): string[] =>
  [statusField, requestIdField, registeredAtField].filter((field) => field !== null);
