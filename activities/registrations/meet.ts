/** Deliveries whose claims others have: duplicates (same bytes) or conflicts (other bytes). Looked up and written together. */
import type { ClaimAnswer } from '../../src/domain/registrations/answers.ts';
import { conflictKey, entryKey } from '../../src/domain/names.ts';
import { isFailure } from '../../src/domain/registrations/outcome.ts';
import type { Claim } from '../../src/claims/claims.ts';
import { conflictAnswer } from './takeover.ts';
import type { Wanted } from './wanted.ts';
import type { Dependencies } from './dependencies.ts';

export interface Refused extends Pick<Wanted, 'claim' | 'isRedrive'> {
  index: number;
  /** The claim that has the key of the wanted one. */
  holder: Claim;
}

/** A duplicate, and the claim that has its bytes. */
export interface Same {
  index: number;
  claim: Claim | undefined;
}

/** @param mayAct throws when the attempt has been given up */
export async function meet(
  claims: Dependencies['claims'],
  refused: readonly Refused[],
  mayAct: () => Promise<void>,
): Promise<{ conflicts: ClaimAnswer[]; same: Same[] }> {
  const conflicts: ClaimAnswer[] = [];
  const duplicates: Same[] = [];
  const others: { each: Refused; conflict: Claim }[] = [];
  const generations = await generationsOf(claims, refused);
  for (const each of refused) {
    const { index, claim } = each;
    const all = generations.get(index) ?? [];
    // Earlier generations do not count: their record, redriven, must not be dropped when another body took the next one.
    const same = all.findLast(
      ({ generation, bodyHash }) => generation >= claim.generation && bodyHash === claim.bodyHash,
    );
    if (same !== undefined) {
      duplicates.push({ index, claim: same });
      continue;
    }
    const { generation } = all.at(-1) ?? claim;
    const _id = conflictKey(claim.item, generation, claim.bodyHash);
    const conflict = { ...claim, _id, entry: entryKey(_id, 1), generation, conflict: true };
    others.push({ each, conflict });
  }
  if (others.length === 0) return { conflicts, same: duplicates };
  const taken = await claims.insert(others.map(({ conflict }) => conflict));
  const kept = await claims.find([...taken]);
  for (const { each, conflict } of others) {
    const { index, isRedrive } = each;
    const holder = kept.get(conflict._id);
    if (holder === undefined || isOwnedBy(holder, conflict.workflowId, index) || (await isAgain()))
      conflicts.push(conflictAnswer(index, conflict._id));
    else duplicates.push({ index, claim: holder });

    /** The same conflict again: its record is in the failure queue already, unless this is that very record, redriven. */
    async function isAgain(): Promise<boolean> {
      if (!isRedrive) return false;
      await mayAct();
      return claims.reopenConflict(conflict);
    }
  }
  return { conflicts, same: duplicates };
}

/** By index, oldest first. Only a failed generation can have a next one: MongoDB is asked for no other. */
async function generationsOf(
  claims: Pick<Dependencies['claims'], 'ofItem'>,
  refused: readonly Refused[],
): Promise<Map<number, Claim[]>> {
  const known = await Promise.all(
    refused.map(async ({ index, claim, holder }): Promise<[number, Claim[]]> => {
      const isLast = holder.outcome === null || !isFailure(holder.outcome.kind);
      const all = isLast ? [holder] : await claims.ofItem(claim.item);
      return [index, all.filter(({ conflict }) => !conflict)];
    }),
  );
  return new Map(known);
}

export const isOwnedBy = (claim: Claim, workflowId: string, index: number): boolean =>
  claim.workflowId === workflowId && claim.index === index;
