/** The story of a registration as MongoDB has it: its claims, what was submitted under each, the user's document. */
import type { Document } from 'mongodb';
import type { Claim } from '../claims/claims.ts';
import type { Config } from '../config/schema.ts';
import { plainId } from '../domain/registrations/id-type.ts';
import { labelOf } from '../intake/label.ts';
import { fieldsWritten, heldIds } from '../registrations/own-documents.ts';
import { textOfStored } from '../registrations/stored-id.ts';
import { withoutDocuments } from '../runtime/log.ts';
import type { Store } from '../registrations/store.ts';
import type { WhySetAside } from '../claims/set-aside.ts';

/** One generation: the first delivery is 0, each redrive the next; a conflict stands beside the one it met. */
export type Chapter = Awaited<ReturnType<typeof chapterOf>>;

/** Null when nothing is known of the registration. `id`: as it may be shown; `document`: of the user's, the fields that are ours. */
export async function readStory(given: string, store: Store, config: Config) {
  const id = plainId(given, config.mongodb.matchType);
  const claims = await store.claims.ofItem(id);
  const setAside = await store.setAside.reasons(claims.map(({ _id }) => _id));
  const chapters = await Promise.all(
    claims.map((claim) => chapterOf(claim, setAside.get(claim._id), store)),
  );
  const document = await store.results.find(id, requestIdOf(chapters));
  if (claims.length === 0 && document === null) return null;
  const own = document === null ? null : ownFields(document, config);
  return { id: labelOf(id, config), chapters, document: own };
}

async function chapterOf(claim: Claim, aside: WhySetAside | undefined, store: Store) {
  const { generation, conflict, workflowId, index, receivedAt, claimedAt, settledAt } = claim;
  return {
    ...{ generation, conflict, workflowId, index, receivedAt, claimedAt },
    submissions: await submissionsUnder(claim._id, store),
    outcome: claim.outcome === null ? null : without(claim.outcome, 'entry'),
    settledAt,
    /** Its outcome can never reach its destination, and waits for a person. MongoDB's own words may quote the document. */
    setAside: aside === undefined ? null : { ...aside, reason: withoutDocuments(aside.reason) },
    /** What the legacy system made of it after it had timed out, as far as it was seen. */
    late: claim.lateResult ?? null,
    /** How its failure record left the queue. */
    gone: claim.gone ?? null,
  };
}

const requestIdOf = (chapters: readonly Chapter[]): string | null =>
  chapters
    .filter(({ conflict }) => !conflict)
    .flatMap(({ submissions, outcome }) => [...submissions, outcome])
    .flatMap((each) => each?.requestId ?? [])
    .at(-1) ?? null;

async function submissionsUnder(claim: string, { journal }: Store) {
  // "$" comes after "#": all that begins with `<claim>#`, by the index of _id.
  const range = { _id: { $gte: `${claim}#`, $lt: `${claim}$` } };
  const found = await journal.collection.find(range).toArray();
  return found
    .filter(({ _id }) => /^\d+$/.test(_id.slice(claim.length + 1)))
    .sort((a, b) => a._id.length - b._id.length || (a._id < b._id ? -1 : 1))
    .map((entry) => without(entry, '_id', 'token'));
}

/** The rest of a document that others fill is not ours to show. */
function ownFields(document: Document, config: Config): Record<string, unknown> {
  const { mongodb } = config;
  const keys = heldIds(document, mongodb.match).map((key) => {
    const text = textOfStored(key, mongodb.matchType);
    return text === null ? key : labelOf(text, config);
  });
  return {
    [mongodb.match]: keys.length === 1 ? keys[0] : keys,
    ...Object.fromEntries(
      fieldsWritten(mongodb).map((field): [string, unknown] => [field, document[field] ?? null]),
    ),
  };
}

function without<T extends object, Key extends keyof T>(value: T, ...keys: Key[]): Omit<T, Key> {
  const copy = { ...value };
  for (const key of keys) delete copy[key];
  return copy;
}
