/**
 * When the legacy system gives a request id that another registration under way has already, each would be told the other's
 * result, and nobody here can know which of the two was filed: the later one is in doubt until a person decides
 * (legacy.uniqueRequestIds).
 */
import type { LookUpAnswer, SubmitAnswer } from '../../src/domain/registrations/answers.ts';
import type { Taken } from '../../src/domain/run.ts';
import { LOOK_UP, claimOfEntry, readClaimKey } from '../../src/domain/names.ts';
import { isOpenThere } from '../../src/domain/registrations/outcome.ts';
import type { Claim } from '../../src/claims/claims.ts';
import { soon, within } from '../../src/runtime/retry.ts';
import { errorFacts } from '../../src/runtime/log.ts';
import { placeOf, type Liveness } from '../heartbeat.ts';
import type { Dependencies } from './dependencies.ts';

type Needs = Pick<Dependencies, 'claims' | 'journal' | 'log' | 'uniqueRequestIds'>;

type Accepted = SubmitAnswer & { kind: 'accepted' };

/** MongoDB is asked for so long: accepted registrations wait for it to be polled. */
const PATIENCE_MS = 5_000;

/**
 * The answers, with those in doubt that are accepted under another's request id. Never throws: while MongoDB does not answer,
 * they stay accepted, since an answer must not be lost.
 */
export async function doubtShared<A extends SubmitAnswer | LookUpAnswer | Taken>(
  needs: Needs,
  requests: readonly { index: number; entry: string }[],
  answers: A[],
  liveness: Liveness,
): Promise<(A | SubmitAnswer)[]> {
  const accepted = answers.filter((answer): answer is A & Accepted => answer.kind === 'accepted');
  if (!needs.uniqueRequestIds || accepted.length === 0) return answers;
  const { journal, log } = needs;
  const entries = new Map(requests.map(({ index, entry }) => [index, entry]));
  const entryOf = (index: number): string => entries.get(index) ?? '';
  const doubts = new Map<number, SubmitAnswer>();
  try {
    const shared = await within(
      PATIENCE_MS,
      'comparison of request ids',
      soon(PATIENCE_MS, () => findShared(needs, accepted, entryOf)),
    );
    for (const { index, requestId } of shared) {
      // The next attempt may have been told otherwise.
      if (!liveness.isCurrent()) break;
      const reason = `the legacy system gave it the request id ${requestId}, which another registration under way has, too`;
      // An intent: its outcome could not be written.
      await soon(PATIENCE_MS, () =>
        journal.decide(entryOf(index), ['accepted', 'intent'], {
          state: 'unknown',
          requestId,
          reason,
          needsPerson: true,
        }),
      );
      // A doubt is not counted for legacy.maxInFlight.
      await needs.claims.setAtLegacy([claimOfEntry(entryOf(index))], null);
      const facts = { ...placeOf(index), requestId };
      log.error(
        { runbook: 'many-doubts', ...facts },
        'Two registrations have one request id: see legacy.uniqueRequestIds',
      );
      doubts.set(index, { index, kind: 'unknown', reason, needsPerson: true });
    }
  } catch (error) {
    const facts = { ...errorFacts(error), accepted: accepted.length };
    log.warn({ runbook: 'mongodb-away', ...facts }, 'Request ids could not be compared');
  }
  return answers.map((answer) => doubts.get(answer.index) ?? answer);
}

async function findShared(
  { claims, journal }: Needs,
  accepted: readonly Accepted[],
  entryOf: (index: number) => string,
): Promise<Accepted[]> {
  const all = await journal.acceptedUnder(accepted.map(({ requestId }) => requestId));
  const shared: Accepted[] = [];
  for (const answer of accepted) {
    const own = entryOf(answer.index);
    const same = all.filter(({ requestId }) => requestId === answer.requestId);
    const operator = same.find(({ entry }) => entry === own)?.operator ?? null;
    // A person has said so.
    if (operator !== null && operator !== LOOK_UP) continue;
    const others = new Set(same.map(({ entry }) => registrationOf(entry)));
    others.delete(registrationOf(own));
    for (const other of others) {
      // The last redrive counts.
      const claim = (await claims.ofItem(other)).findLast(({ conflict }) => !conflict);
      if (claim === undefined || !needsItStill(claim, answer.requestId)) continue;
      shared.push(answer);
      break;
    }
  }
  return shared;
}

/** Whether it is polled, or may be by a redrive. Otherwise its request id is free: a legacy system may begin its ids again. */
function needsItStill({ settledAt, outcome }: Claim, requestId: string): boolean {
  if (settledAt === null) return true;
  return outcome !== null && outcome.requestId === requestId && isOpenThere(outcome);
}

const registrationOf = (entry: string): string => readClaimKey(claimOfEntry(entry))?.id ?? '';
