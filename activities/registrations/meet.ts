/**
 * A delivery whose claim somebody else has is a duplicate (same bytes) or a conflict (other bytes). A whole run may consist of such
 * deliveries, so they are looked up and written together.
 */
import type { ClaimAnswer } from '../../src/domain/registrations/answers.ts';
import { conflictKey } from '../../src/domain/names.ts';
import { isFailure } from '../../src/domain/registrations/outcome.ts';
import type { Claim } from '../../src/claims/claims.ts';
import { conflictAnswer } from './takeover.ts';
import type { Met } from './takeover.ts';
import type { Dependencies } from './dependencies.ts';

export interface Refused {
  index: number;
  /** The claim that was wanted … */
  claim: Claim;
  /** … and the one that is there under its key. */
  holder: Claim;
  isRedrive: boolean;
}

interface Meeting {
  answers: ClaimAnswer[];
  /** Open claims that these indexes may go on with, if nobody else does. */
  met: Met[];
}

/** @param mayAct throws when the attempt has been given up */
export async function meet(
  claims: Dependencies['claims'],
  refused: readonly Refused[],
  mayAct: () => Promise<void>,
): Promise<Meeting> {
  const answers: ClaimAnswer[] = [];
  const met: Met[] = [];
  const conflicts: { each: Refused; conflict: Claim }[] = [];
  const generations = await generationsOf(claims, refused);
  for (const each of refused) {
    const { index, claim } = each;
    const all = generations.get(index) ?? [];
    // Generations before the one that was asked for do not count: their record is what is redriven here, and must not be
    // dropped when it was another body that took the next generation.
    const since = all.filter(({ generation }) => generation >= claim.generation);
    const same = since.filter(({ bodyHash }) => bodyHash === claim.bodyHash);
    if (same.length > 0) {
      duplicate(index, same.at(-1));
      continue;
    }
    const { generation } = all.at(-1) ?? claim;
    const _id = conflictKey(claim.registration, generation, claim.bodyHash);
    conflicts.push({ each, conflict: { ...claim, _id, generation, conflict: true } });
  }
  if (conflicts.length > 0) await meetConflicts();
  return { answers, met };

  function duplicate(index: number, claim: Claim | undefined): void {
    answers.push({ index, kind: 'duplicate' });
    if (claim !== undefined && claim.settledAt === null) met.push({ index, claim });
  }

  async function meetConflicts(): Promise<void> {
    const taken = await claims.insert(conflicts.map(({ conflict }) => conflict));
    const kept = taken.size > 0 ? await claims.find([...taken]) : new Map<string, Claim>();
    for (const { each, conflict } of conflicts) {
      const { index } = each;
      const holder = kept.get(conflict._id);
      const isOurs = holder === undefined || isHeldBy(holder, conflict.workflowId, index);
      if (isOurs) answers.push(conflictAnswer(index, conflict._id));
      // The same conflict again: its record is in the failure queue already, unless this is that very record, redriven.
      else if (!each.isRedrive) duplicate(index, holder);
      else {
        await mayAct();
        if (await claims.reopenConflict(conflict)) {
          answers.push(conflictAnswer(index, conflict._id));
        } else duplicate(index, holder);
      }
    }
  }
}

/** By index, oldest first. Only a generation that has failed can have a next one: MongoDB is asked for no other. */
async function generationsOf(
  claims: Pick<Dependencies['claims'], 'ofRegistration'>,
  refused: readonly Refused[],
): Promise<Map<number, Claim[]>> {
  const known = await Promise.all(
    refused.map(async ({ index, claim, holder }): Promise<[number, Claim[]]> => {
      const isLast = holder.outcome === null || !isFailure(holder.outcome.kind);
      const all = isLast ? [holder] : await claims.ofRegistration(claim.registration);
      return [index, all.filter(({ conflict }) => !conflict)];
    }),
  );
  return new Map(known);
}

export const isHeldBy = (claim: Claim, workflowId: string, index: number): boolean =>
  claim.workflowId === workflowId && claim.index === index;
