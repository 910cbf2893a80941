/**
 * Files registrations with the legacy system, each at most once. The journal is read first and an intent written before
 * every POST; what another attempt may have sent is never sent again. An attempt that got any answer returns it; one that
 * got none throws, and Temporal's retry policy is the backoff.
 */
import { createHash, randomUUID } from 'node:crypto';
import { activityInfo } from '@temporalio/activity';
import type { ApplicationFailure } from '@temporalio/common';
import type { SubmitAnswer, Taken } from '../src/domain/answers.ts';
import { claimOfEntry, entryBefore } from '../src/domain/names.ts';
import type { Held } from '../src/door.ts';
import { failpoint } from '../src/failpoint.ts';
import type { Closing, Entry } from '../src/journal.ts';
import type { SubmitResult } from '../src/legacy.ts';
import { soon } from '../src/insist.ts';
import { errorFacts } from '../src/log.ts';
import type { Dependencies } from './create.ts';
import { fenced, readInTime } from './fence.ts';
import { withHeartbeat } from './heartbeat.ts';
import type { Liveness } from './heartbeat.ts';
import { answerOf } from './recheck.ts';
import type { RecheckNeeds } from './recheck.ts';
import { doubtShared } from './shared-request-id.ts';
import { tryLater } from './try-later.ts';

export interface SubmitRequest {
  index: number;
  claim: string;
  entry: string;
}

/** Before a chunk whose journal has failed is read again, beside others that were answered. */
const RETRIED_MS = 1_000;
/** How long the outcome of POSTs is tried to be written; their answers wait for it. */
const CLOSED_MS = 5_000;
/** How long intents of what was never sent are tried to be taken back: within startToCloseTimeout (workflows/steps.ts). */
const WITHDRAWN_MS = 8 * 60_000;

type Needs = RecheckNeeds & Pick<Dependencies, 'legacy' | 'door' | 'metrics'>;

export const createSubmit =
  (needs: Needs) =>
  (requests: SubmitRequest[]): Promise<(SubmitAnswer | Taken)[]> =>
    withHeartbeat(async (liveness) => {
      const { journal, door, clock } = needs;
      const known = await journal.read(requests.map(({ entry }) => entry));
      const answers: (SubmitAnswer | Taken)[] = [];
      let toSend: SubmitRequest[] = [];
      for (const request of requests) {
        const entry = known.get(request.entry);
        if (entry === undefined || entry.state === 'not-accepted') toSend.push(request);
        else answers.push(await answerOf(needs, request.index, entry));
      }
      // After an attempt that nobody answered, one request asks whether anybody is there.
      let probing = activityInfo().attempt > 1;
      let isOver = false;
      let held: Held | null = null;
      const turn = door.turn();
      const chunks: Promise<void>[] = [];
      /** What chunks failed with, and those that were in them. */
      const failures: unknown[] = [];
      const unsent: SubmitAnswer[] = [];
      while (toSend.length > 0 && liveness.maySend()) {
        const { count, held: isHeld } = await door.take(
          'submits',
          probing ? 1 : toSend.length,
          turn,
        );
        held = isHeld;
        if (held !== null) break;
        // What was waited for may have come too late.
        if (isOver || !liveness.maySend()) {
          door.release(count);
          break;
        }
        const chunk = toSend.slice(0, count);
        toSend = toSend.slice(count);
        let isReleased = false;
        const release = (): void => {
          if (!isReleased) door.release(count);
          isReleased = true;
        };
        const giveUp = (): void => {
          isOver = true;
          release();
        };
        const sending = sendChunk(needs, chunk, known, liveness, giveUp)
          .then(
            (sent) => {
              answers.push(...sent);
              // Who turns a whole chunk away is not asked to take the next.
              isOver ||= sent.every(({ kind }) => kind === 'not-accepted');
            },
            (error: unknown) => {
              isOver = true;
              failures.push(error);
              // Read again: what became of them only the journal knows.
              const until = clock.now() + RETRIED_MS;
              unsent.push(
                ...chunk.map(({ index }) => ({ index, kind: 'pending', until }) as const),
              );
            },
          )
          .finally(release);
        chunks.push(sending);
        if (probing) await Promise.all(chunks);
        probing = false;
      }
      await Promise.all(chunks);
      if (answers.every(({ kind }) => kind === 'not-accepted')) {
        if (failures.length > 0) throw failures[0];
        await liveness.throwIfCancelled();
        throw nobodyAnswered(answers, held);
      }
      const { reason = 'not sent yet', retryAfter = null } = held ?? {};
      const leftover = { kind: 'not-accepted', reason, retryAfter } as const;
      const told = await doubtShared(needs, requests, answers, liveness);
      return [...told, ...unsent, ...toSend.map(({ index }) => ({ index, ...leftover }))];
    });

/** Sends at most as many as there are slots for: what is between intent and outcome at any moment is this chunk. */
async function sendChunk(
  { claims, journal, clock, legacy, metrics, log }: Needs,
  requests: SubmitRequest[],
  known: ReadonlyMap<string, Entry>,
  liveness: Liveness,
  giveUp: () => void,
): Promise<(SubmitAnswer | Taken)[]> {
  const token = randomUUID();
  failpoint('submit-opening');
  const held = await readInTime(() => claims.held(requests.map(({ claim }) => claim)));
  const { ours, lost } = fenced(requests, (claim) => held.get(claim)?.workflowId);
  // This attempt was given up, and its run has ended these without it.
  const isConcluded = ({ claim }: SubmitRequest): boolean => held.get(claim)?.isConcluded === true;
  const over = ours.filter(isConcluded).map(({ index }): Taken => ({ index, kind: 'taken' }));
  const chunk = ours.filter((each) => !isConcluded(each));
  if (chunk.length === 0) return [...lost, ...over];
  const mine = await openIntents(
    journal,
    chunk.map(({ entry }) => entry),
    known,
    token,
  ).catch(async (error: unknown) => {
    // Nothing of it is sent: the slots are for others, while the store is away perhaps.
    giveUp();
    await withdraw(journal, chunk, token);
    throw error;
  });
  failpoint('submit-opened');
  const results = await Promise.all(chunk.map(send));
  const closings = chunk.flatMap(({ entry }, at) => closingOf(entry, results[at]));
  await soon(CLOSED_MS, () => journal.close(closings, token)).catch((error: unknown) => {
    // The answers are not lost: they go to Temporal. The entries stay intents, and are never sent again for it.
    log.warn({ ...errorFacts(error), entries: closings.length }, 'The journal could not be closed');
  });
  failpoint('submit-closed');
  const sent = chunk.map(({ index }, at): SubmitAnswer => {
    const result = results[at] ?? { kind: 'pending', until: 0 };
    return result.kind === 'accepted'
      ? { index, ...result, at: clock.now() }
      : { index, ...result };
  });
  return [...sent, ...lost, ...over];

  async function send({ claim, entry }: SubmitRequest) {
    const message = held.get(claim)?.message ?? null;
    // Another attempt got between reading and writing: its own answer will tell.
    if (!mine.has(entry)) return { kind: 'pending', until: 0 } as const;
    const result: SubmitResult =
      message === null
        ? { kind: 'refused', reason: 'the message is no longer in the claim' }
        : await legacy.submit(message, idempotencyKey(entry), () => liveness.maySend());
    failpoint('submit-answered');
    metrics.submissions.inc({ result: result.kind });
    if (result.kind === 'accepted') metrics.inFlight.inc();
    return result;
  }
}

/** Writes intents. @throws what the journal threw: some may have been written then */
async function openIntents(
  journal: Needs['journal'],
  entries: string[],
  known: ReadonlyMap<string, Entry>,
  token: string,
): Promise<Set<string>> {
  const mine = await journal.open(entries, known, token);
  const before = entries.flatMap((entry) => entryBefore(entry) ?? []);
  if (before.length > 0) await journal.supersede(before);
  return mine;
}

/**
 * A store that fails in the middle may have taken some intents, and whoever met those would hold them for sent: they are
 * withdrawn as soon as it takes anything again. Left where they are, they would end in doubt.
 */
async function withdraw(
  journal: Needs['journal'],
  requests: SubmitRequest[],
  token: string,
): Promise<void> {
  const entries = requests.map(({ entry }) => entry);
  await soon(WITHDRAWN_MS, () => journal.withdraw(entries, token)).catch(() => {});
}

/**
 * The same for every submission of one claim, so that a legacy system which honours it files once whatever happens on the
 * wire: also where `onUnknown: resubmit`, or an operator, opens a next entry for what had been accepted after all.
 */
export const idempotencyKey = (entry: string): string =>
  createHash('sha256').update(claimOfEntry(entry)).digest('hex').slice(0, 32);

function closingOf(
  entry: string,
  result: SubmitResult | { kind: 'pending' } | undefined,
): Closing[] {
  if (result === undefined || result.kind === 'pending') return [];
  const requestId = result.kind === 'accepted' ? result.requestId : null;
  const reason = result.kind === 'accepted' ? null : result.reason;
  return [{ entry, state: result.kind, requestId, reason }];
}

function nobodyAnswered(answers: (SubmitAnswer | Taken)[], held: Held | null): ApplicationFailure {
  const unanswered = answers.map((answer) => ({
    reason: 'reason' in answer ? answer.reason : answer.kind,
    retryAfter: 'retryAfter' in answer ? answer.retryAfter : null,
  }));
  if (held !== null) unanswered.push(held);
  return tryLater('LegacyUnavailable', 'Nothing was accepted', unanswered);
}
