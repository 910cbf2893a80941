/** Removes what our collections know of one item. Nobody can tell it from a new one then. */
import type { Document } from 'mongodb';
import { ofItem, type Claim } from '../claims/claims.ts';
import type { Config } from '../config/schema.ts';
import type { ActionDocument } from '../coordination/actions.ts';
import { FAILURE_CLASSES } from '../domain/registrations/outcome.ts';
import { plainId } from '../domain/registrations/id-type.ts';
import { TASK_FAILURES } from '../domain/tasks.ts';
import { labelOf } from '../intake/label.ts';
import { OWN, ownName, type OwnCollection, type OwnDatabase } from '../mongo/collections.ts';

/** `open`: it has not ended. `waiting`: its failure is neither redriven nor dropped, and has its message somewhere else. */
export type Remembered =
  | { kind: 'open' }
  | { kind: 'waiting' }
  | {
      kind: 'found';
      /** How many documents of each collection, by its name. */
      documents: Record<string, number>;
      /** Notes of what operators did. */
      notes: number;
      /** Workflow ids of its runs, which Temporal may have still. */
      runs: string[];
    };

interface Item {
  id: string;
  /** Null for a registration. */
  worker: string | null;
}

const REMOVED = 'removed';
const FAILURES: readonly string[] = [...FAILURE_CLASSES, ...TASK_FAILURES];

/** @param isMeant false: it is only looked for. @throws what MongoDB throws */
export async function forget(
  config: Config,
  own: OwnDatabase,
  { id, worker }: Item,
  isMeant: boolean,
): Promise<Remembered> {
  const item = worker === null ? plainId(id, config.mongodb.matchType) : `${worker}/${id}`;
  const ofIt = { _id: ofItem(item)._id };
  const claimsOf = worker === null ? OWN.claims : OWN.taskClaims;
  const claims = await own
    .collection<Claim>(claimsOf)
    .find(ofItem(item))
    .project<Claim>({ message: 0, result: 0, outgoing: 0 })
    .toArray();
  if (claims.some(({ settledAt }) => settledAt === null)) return { kind: 'open' };
  const isFailure = ({ outcome }: Claim): boolean => FAILURES.includes(outcome?.kind ?? '');
  if (claims.some((claim) => isFailure(claim) && claim.gone === undefined))
    return { kind: 'waiting' };
  const names = [id, plainId(id, config.mongodb.matchType), item];
  names.push(...claims.flatMap(({ writtenId }) => writtenId ?? []));
  const shown = [...new Set([...names, ...names.map((name) => labelOf(name, config))])];
  const notes = await notesOf(own, shown, isMeant);
  const documents: Record<string, number> = {};
  // The claims last: cut short, it is found again.
  const places: OwnCollection[] =
    worker === null ? [OWN.journal, OWN.setAside, claimsOf] : [OWN.setAside, claimsOf];
  for (const name of places) {
    const collection = own.collection<{ _id: string }>(name);
    documents[ownName(name, config.mongodb.ownPrefix)] = isMeant
      ? (await collection.deleteMany(ofIt)).deletedCount
      : await collection.countDocuments(ofIt);
  }
  const runs = claims.flatMap(({ workflowId, takenFrom }) => [workflowId, takenFrom ?? []].flat());
  return { kind: 'found', documents, notes, runs: [...new Set(runs)] };
}

/** A part of another id is not meant. */
const namedIn = (names: readonly string[]) => {
  const some = names.map((name) => name.replace(/[\\^$.*+?()[\]{}|]/g, String.raw`\$&`)).join('|');
  const named = new RegExp(String.raw`(?<![\p{L}\p{N}_.-])(?:${some})(?![\p{L}\p{N}_.-])`, 'u');
  return (text: string | null | undefined): boolean => named.test(text ?? '');
};

/** In the notes of what operators did: who, when and what stays. */
async function notesOf(own: OwnDatabase, names: string[], isMeant: boolean): Promise<number> {
  const collection = own.collection<ActionDocument>(OWN.actions);
  const isNamed = namedIn(names);
  let count = 0;
  for await (const { _id, on, reason, result, report } of collection.find({})) {
    const set: Document = {};
    if (isNamed(on) || isNamed(reason)) {
      if (isNamed(on)) set['on'] = REMOVED;
      set['reason'] = null;
    }
    if (isNamed(result?.text)) set['result.text'] = REMOVED;
    const isFound = ({ id, what }: { id: string; what: string }) => isNamed(id) || isNamed(what);
    if (report?.findings.some(({ some }) => some.some(isFound)))
      set['report.findings'] = report.findings.map((each) => ({
        ...each,
        some: each.some.filter((one) => !isFound(one)),
      }));
    if (Object.keys(set).length === 0) continue;
    count += 1;
    if (isMeant) await collection.updateOne({ _id }, { $set: set });
  }
  return count;
}
