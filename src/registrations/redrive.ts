/**
 * Whether a delivery is a redrive, and of what: the one place where that is decided. Anyone can write headers, so that a
 * record is known by the token of its claim: it was written with the claim, before the record could be seen, and stays with
 * it whoever moves it. Without the token the same headers are an ordinary message.
 */
import { timingSafeEqual } from 'node:crypto';
import type { Claim } from '../claims/claims.ts';
import { claimKey, conflictKey } from '../domain/names.ts';
import { isFailure, mayBeFiled } from '../domain/registrations/outcome.ts';
import type { RedriveHint } from '../broker/source.ts';

export interface Redrive {
  isRedrive: boolean;
  /** The generation to claim. */
  generation: number;
  /** The failed claim it goes on from. */
  before: Claim | null;
}

/** The claims that a redrive can name: that of its generation, and that of its bytes as a conflict there. */
export const keysOfRedriven = (
  id: string,
  generation: number | null,
  bodyHash: string,
): string[] => [claimKey(id, generation ?? 0), conflictKey(id, generation ?? 0, bodyHash)];

const ORDINARY: Redrive = { isRedrive: false, generation: 0, before: null };

/**
 * A redrive is valid when it has the token of a claim of the generation that it names, and goes on from that generation when
 * it has ended in failure. What the legacy system has, or may have, is the filing of that generation's bytes: other bytes are
 * barred from going on with it, and meet it as a conflict.
 * @param claims on this registration id: those that keysOfRedriven names, at least
 */
export function redriveIn(
  claims: readonly Claim[],
  { redrive, token, bodyHash }: RedriveHint & Pick<Claim, 'bodyHash'>,
): Redrive {
  if (redrive === null || token === undefined) return ORDINARY;
  const generation = claims.filter((claim) => claim.generation === redrive);
  if (!generation.some((claim) => isSame(claim.token, token))) return ORDINARY;
  const before = generation.find(({ conflict }) => !conflict);
  // The record of a conflict, and what it met has not failed: it meets it again.
  if (!before?.outcome || !hasFailed(before)) return { ...ORDINARY, isRedrive: true };
  const isBarred = before.bodyHash !== bodyHash && mayBeFiled(before.outcome);
  return isBarred
    ? { isRedrive: true, generation: before.generation, before: null }
    : { isRedrive: true, generation: before.generation + 1, before };
}

const hasFailed = ({ outcome }: Claim): boolean => outcome !== null && isFailure(outcome.kind);

/** @param a of a claim that somebody may have edited by hand */
function isSame(a: unknown, b: string): boolean {
  if (typeof a !== 'string') return false;
  const [left, right] = [Buffer.from(a), Buffer.from(b)];
  return left.length > 0 && left.length === right.length && timingSafeEqual(left, right);
}
