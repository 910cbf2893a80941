/**
 * A request id is one registration's. Where the legacy system gives one that another registration under way has already,
 * each would be told the other's result, and nobody can know from here which of the two was filed: what comes later is in
 * doubt, until a person says what is so (legacy.uniqueRequestIds).
 */
import type { LookUpAnswer, SubmitAnswer, Taken } from '../src/domain/answers.ts';
import { claimOfEntry, readClaimKey } from '../src/domain/names.ts';
import { errorFacts } from '../src/log.ts';
import type { Dependencies } from './create.ts';
import { placeOf } from './heartbeat.ts';
import type { Liveness } from './heartbeat.ts';

type Needs = Pick<Dependencies, 'claims' | 'journal' | 'log' | 'uniqueRequestIds'>;

type Accepted = SubmitAnswer & { kind: 'accepted' };

/**
 * The answers, with what is accepted under another's request id in doubt. `entryOf`: the journal entry of an index.
 * Never throws: without an answer of the journal what is accepted stays accepted, since its answer must not be lost.
 */
export async function doubtShared<A extends SubmitAnswer | LookUpAnswer | Taken>(
  needs: Needs,
  answers: A[],
  entryOf: (index: number) => string,
  liveness: Liveness,
): Promise<(A | SubmitAnswer)[]> {
  const accepted = answers.filter((answer): answer is A & Accepted => answer.kind === 'accepted');
  if (!needs.uniqueRequestIds || accepted.length === 0) return answers;
  const { journal, log } = needs;
  try {
    const shared = await findShared(needs, accepted, entryOf);
    // An attempt that another one may have followed has no more say in what that one has been told.
    if (shared.length === 0 || !liveness.isCurrent()) return answers;
    const doubts = new Map<number, SubmitAnswer>();
    for (const { index, requestId } of shared) {
      const reason = `the legacy system gave it the request id ${requestId}, which another registration under way has, too`;
      await journal.decide(entryOf(index), ['accepted'], { state: 'unknown', reason, held: true });
      log.error(
        { ...placeOf(index), requestId },
        'Two registrations have one request id: see legacy.uniqueRequestIds',
      );
      doubts.set(index, { index, kind: 'unknown', reason, held: true });
    }
    return answers.map((answer) => doubts.get(answer.index) ?? answer);
  } catch (error) {
    log.warn(
      { ...errorFacts(error), accepted: accepted.length },
      'Request ids could not be compared',
    );
    return answers;
  }
}

async function findShared(
  { claims, journal }: Needs,
  accepted: readonly Accepted[],
  entryOf: (index: number) => string,
): Promise<Accepted[]> {
  const all = await journal.acceptedUnder(accepted.map(({ requestId }) => requestId));
  const suspects = accepted.flatMap((answer) => {
    const mine = registrationOf(entryOf(answer.index));
    const others = all.filter(
      ({ entry, requestId }) => requestId === answer.requestId && registrationOf(entry) !== mine,
    );
    return others.length > 0 ? [{ answer, others }] : [];
  });
  if (suspects.length === 0) return [];
  const keys = suspects.flatMap(({ others }) => others.map(({ entry }) => claimOfEntry(entry)));
  const holders = await claims.find(keys);
  // Whose is settled does not need it any more: a legacy system may begin its ids again.
  const isUnderWay = ({ entry }: { entry: string }) =>
    holders.get(claimOfEntry(entry))?.settledAt === null;
  return suspects.filter(({ others }) => others.some(isUnderWay)).map(({ answer }) => answer);
}

const registrationOf = (entry: string): string | undefined => readClaimKey(claimOfEntry(entry))?.id;
