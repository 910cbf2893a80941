/**
 * Decides whether a delivery is a redrive, of what, and how its registration goes on. Pure. Anyone can write headers, so a
 * record is known by the token of its claim, which was written before the record could be seen. Without the token the same
 * headers are an ordinary message.
 */
import { claimKey, conflictKey, entryKey } from '../names.ts';
import { isFailure, mayBeFiled, type Outcome } from './outcome.ts';

/** The end of a generation, as far as its redrive must know. */
export interface Ended extends Pick<Outcome, 'kind' | 'ours'> {
  /** Whether the legacy system has it is not known. */
  doubt: boolean;
  requestId: string | null;
  acceptedAt: Date | null;
  /** The journal entry it ended with. */
  entry: string;
}

/** A claim, as far as admission reads it. */
export interface Known {
  generation: number;
  conflict: boolean;
  bodyHash: string;
  token: string;
  outcome: Ended | null;
}

export interface Delivered {
  id: string;
  bodyHash: string;
  /** The generation whose failure record it says it is. */
  failedGeneration: number | null;
  token?: string | undefined;
}

/** How a claim goes on: POSTed under its own first entry; polled, or in doubt, under the entry of an earlier generation. */
export type Begin =
  | { kind: 'claimed'; entry: string }
  | { kind: 'resumed'; entry: string; requestId: string; acceptedAt: number }
  | { kind: 'in-doubt'; entry: string };

export type Admission<C = Known> =
  /** It claims this generation. `before`: the failed claim that it goes on from; null for an ordinary message. */
  | { kind: 'claim'; generation: number; begin: Begin; before: C | null }
  /** A valid redrive that goes on from nothing: it meets the claim of this generation, or claims it where it is free. */
  | { kind: 'barred'; generation: number };

/** The claims that a redrive can name: of its generation, and of its bytes as a conflict there. */
export const keysOfRedriven = ({
  id,
  failedGeneration: redrive,
  bodyHash,
}: Delivered): string[] => [claimKey(id, redrive ?? 0), conflictKey(id, redrive ?? 0, bodyHash)];

/**
 * A redrive is valid when it has the token of a claim of the generation that it names. It goes on from that generation when
 * that has failed. If the earlier generation may be filed, only the same bytes may go on with it.
 * @param claims on this registration id: those that keysOfRedriven names, at least
 */
export function admit<C extends Known>(delivery: Delivered, claims: readonly C[]): Admission<C> {
  const { id, bodyHash, failedGeneration: redrive, token } = delivery;
  const named = claims.filter(({ generation }) => generation === redrive);
  if (token === undefined || !named.some((claim) => isSame(claim.token, token)))
    return { kind: 'claim', generation: 0, begin: anew(id, 0), before: null };
  const before = named.find(({ conflict }) => !conflict);
  if (before === undefined) return { kind: 'barred', generation: 0 };
  const { generation, outcome } = before;
  // It is the record of a conflict, and the claim it met has not failed: it meets that claim again.
  if (outcome === null || !isFailure(outcome.kind)) return { kind: 'barred', generation };
  if (before.bodyHash !== bodyHash && mayBeFiled(outcome)) return { kind: 'barred', generation };
  const next = generation + 1;
  return { kind: 'claim', generation: next, begin: goingOn(outcome) ?? anew(id, next), before };
}

/** Whether it would be dropped: its bytes are claimed already; of a redrive only from the generation on that it wants. */
export const isDuplicate = (
  { bodyHash }: Delivered,
  admission: Admission<unknown>,
  claims: readonly Known[],
): boolean =>
  claims.some(
    (claim) =>
      claim.bodyHash === bodyHash &&
      (!isRedrive(admission) || (!claim.conflict && claim.generation >= admission.generation)),
  );

export const isRedrive = (admission: Admission<unknown>): boolean =>
  admission.kind === 'barred' || admission.before !== null;

export const anew = (id: string, generation: number): Begin => ({
  kind: 'claimed',
  entry: entryKey(claimKey(id, generation), 1),
});

/** An accepted one is polled on; one that the legacy system may have is in doubt; any other is POSTed: null. */
function goingOn(before: Ended): Begin | null {
  if (!mayBeFiled(before)) return null;
  const { requestId, acceptedAt, entry } = before;
  if (before.doubt || requestId === null || acceptedAt === null) return { kind: 'in-doubt', entry };
  return { kind: 'resumed', entry, requestId, acceptedAt: acceptedAt.getTime() };
}

/** Takes as long whatever differs. @param a of a claim that somebody may have edited by hand */
function isSame(a: unknown, b: string): boolean {
  if (typeof a !== 'string' || a === '' || a.length !== b.length) return false;
  let differing = 0;
  for (let at = 0; at < b.length; at += 1) differing |= a.charCodeAt(at) ^ b.charCodeAt(at);
  return differing === 0;
}
