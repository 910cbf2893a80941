/** The claims that deliveries want: of which generation, and how their registrations go on from earlier ones. */
import { claimKey } from '../../src/domain/names.ts';
import {
  admit,
  anew,
  isRedrive,
  keysOfRedriven,
  type Admission,
} from '../../src/domain/registrations/admission.ts';
import type { NewRegistration } from '../../src/domain/registrations/item.ts';
import { binary, newToken, type Claim, type Claims } from '../../src/claims/claims.ts';
import { ACCEPTED } from '../../src/registrations/in-flight.ts';
import type { RecordSeen } from '../../src/claims/records.ts';
import type { Journal } from '../../src/registrations/journal.ts';

/** A registration that a run asks for; its label stays with the run. */
export type ClaimRequest = Omit<NewRegistration, 'label'> & { index: number };

export type Wanted = ReturnType<typeof wantedFor>;

/** By index; and the claims whose records the redrives are. */
export async function wantedBy(
  claims: Pick<Claims, 'find'>,
  deliveries: readonly ClaimRequest[],
  workflowId: string,
  claimedAt: Date,
): Promise<{ wanted: Map<number, Wanted>; moved: RecordSeen[] }> {
  const redrives = deliveries.filter(
    ({ failedGeneration, token }) => failedGeneration !== null && token !== undefined,
  );
  const found = await claims.find(redrives.flatMap(keysOfRedriven));
  const moved: RecordSeen[] = [];
  const wanted = new Map<number, Wanted>();
  for (const each of deliveries) {
    const named = keysOfRedriven(each).flatMap((key) => found.get(key) ?? []);
    const own = named.filter(({ token }) => token === each.token);
    moved.push(...own.map(({ _id }) => ({ claim: _id, at: null })));
    wanted.set(each.index, wantedFor(each, admit(each, named), workflowId, claimedAt));
  }
  return { wanted, moved };
}

/** `before`: the failed claim that it goes on from. */
function wantedFor(
  request: ClaimRequest,
  admission: Admission<Claim>,
  workflowId: string,
  claimedAt: Date,
) {
  const { id, writtenId, index, bodyHash, message } = request;
  const { generation } = admission;
  const goesOn = admission.kind === 'claim' ? admission : null;
  const begin = goesOn?.begin ?? anew(id, generation);
  const claim: Claim = {
    _id: claimKey(id, generation),
    item: id,
    ...(writtenId === undefined ? {} : { writtenId }),
    generation,
    conflict: false,
    token: newToken(),
    workflowId,
    index,
    bodyHash,
    message: { body: binary(message.body), properties: message.properties },
    receivedAt: new Date(request.receivedAt),
    claimedAt,
    entry: begin.entry,
    ...(begin.kind === 'resumed' ? { atLegacy: ACCEPTED } : {}),
    outcome: null,
    settledAt: null,
  };
  return { claim, begin, before: goesOn?.before ?? null, isRedrive: isRedrive(admission) };
}

/**
 * Keeps the journal entries of earlier generations that redrives go on with, for as long as the claims and before those are
 * there: an entry that is not there would count as never sent. Changes no word of anybody, so that it may be done in vain.
 */
export async function keepInherited(journal: Journal, all: readonly Wanted[]): Promise<void> {
  await Promise.all(
    all.map(async ({ begin, before }) => {
      if (before === null || begin.kind === 'claimed') return;
      const { entry } = begin;
      if (begin.kind === 'in-doubt') {
        await journal.keep(entry, mayBeGone(before, journal) ? GONE : null);
        return;
      }
      const { requestId, acceptedAt } = begin;
      const known = { requestId, reason: null, answeredAt: new Date(acceptedAt) };
      await journal.keep(entry, { state: 'accepted', ...known });
      // That run heard the answer, which could not be written down.
      await journal.decide(entry, ['intent'], { state: 'accepted', ...known });
    }),
  );
}

/** The redrive of an abandoned one is to be decided anew; else the old word would abandon it again. */
export async function openInherited(journal: Journal, mine: readonly Wanted[]): Promise<void> {
  const doubts = mine.filter(({ begin }) => begin.kind === 'in-doubt');
  await Promise.all(
    doubts.map(({ begin: { entry } }) =>
      journal.decide(entry, ['abandoned'], { state: 'unknown', operator: null }),
    ),
  );
}

/** An entry that is not there and was abandoned, or is that old, has expired; any other was never opened. */
const mayBeGone = ({ outcome, receivedAt }: Claim, journal: Journal): boolean =>
  outcome?.kind === 'in-doubt' || journal.mayHaveExpired(receivedAt);

const GONE = { state: 'unknown', requestId: null, reason: 'its journal entry is gone' } as const;
