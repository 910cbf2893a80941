/** Which documents of the user's collection are a registration's. */
import type { Document, ObjectId } from 'mongodb';
import { REQUEST_ID } from './config-mongodb.ts';
import type { Config } from './config-schema.ts';
import type { Result } from './results.ts';

/** A document of others. */
export interface Stored extends Document {
  /** Or whatever else BSON has: we only hand it back. */
  _id: string | ObjectId;
}

/** The `_id`s of its documents, none where it has none; or why its status can be written to none of them. */
export type Place = Stored['_id'][] | { permanent: string };

const TAKEN =
  'its document holds the ids of several registrations, and has the request id of another one';

/**
 * The place of each result, in their order. Ids are compared byte for byte, whatever the collation of the collection: to
 * MongoDB "A" may be "a", and they are two registrations. A document that holds a list of ids belongs to the first of them
 * that was registered: it has room for one request id.
 *
 * @param found documents that MongoDB takes to match any of them
 */
export function placesOf(
  results: readonly Result[],
  found: readonly Stored[],
  { match, statusField, registeredWord }: Config['mongodb'],
): Place[] {
  const holders = new Map<unknown, Stored[]>();
  for (const document of found) {
    for (const id of new Set(heldIds(document, match)))
      holders.set(id, [...(holders.get(id) ?? []), document]);
  }
  const owners = new Map<Stored, string>();
  return results.map(({ id, requestId }): Place => {
    const documents = holders.get(id) ?? [];
    const isOthers = (document: Stored): boolean =>
      (owners.get(document) ?? id) !== id ||
      (Array.isArray(document[match]) &&
        document[statusField] === registeredWord &&
        typeof document[REQUEST_ID] === 'string' &&
        document[REQUEST_ID] !== requestId);
    if (documents.some(isOthers)) return { permanent: TAKEN };
    for (const document of documents) owners.set(document, id);
    return documents.map(({ _id }) => _id);
  });
}

/** What a document holds where the registration id is: one, or a list of them. */
export const heldIds = (document: Document, match: string): unknown[] => {
  const held: unknown = document[match];
  return Array.isArray(held) ? held : [held];
};
