/** POSTs a chunk of registrations, each of which has a slot: intents first, then the requests, then the outcomes. */
import { randomUUID } from 'node:crypto';
import type { SubmitAnswer } from '../../src/domain/registrations/answers.ts';
import type { Submitting } from '../../src/domain/registrations/item.ts';
import type { Taken } from '../../src/domain/run.ts';
import { entryBefore } from '../../src/domain/names.ts';
import { failpoint } from '../../src/runtime/failpoint.ts';
import { soon, within } from '../../src/runtime/retry.ts';
import { OPENED_MS, WITHDRAWN_MS } from '../../src/domain/timing.ts';
import { idempotencyKey, type Closing, type Entry } from '../../src/registrations/journal.ts';
import type { SubmitResult } from '../../src/registrations/legacy.ts';
import { fenced, readInTime, stale } from '../fence.ts';
import { latch } from '../gathering.ts';
import { ownRun, type Liveness } from '../heartbeat.ts';
import { createOutcomes } from './outcomes.ts';
import type { Call } from '../under-way.ts';
import type { Dependencies } from './dependencies.ts';

export type SubmitRequest = Pick<Submitting, 'index' | 'claim' | 'entry'>;

/** The rest before the journal is read again. */
export const RETRIED_MS = 1_000;
/** The answer to a POST waits so long for its outcome to be written. */
const CLOSED_MS = 5_000;
const STOOD_STILL = 'never sent: the worker stood still';

type Needs = Pick<
  Dependencies,
  'claims' | 'journal' | 'clock' | 'legacy' | 'inFlight' | 'metrics' | 'log'
>;

interface Prepared {
  /** By entry: what may be sent. */
  messages: ReadonlyMap<string, Buffer | null>;
  /** Claims that another run has. */
  taken: ReadonlySet<string>;
  /** Before the intents were written, by the monotonic clock. */
  since: number;
}

/** Begins a call for each, in their order; the calls go on whatever becomes of the attempt. */
export function sendChunk(
  needs: Needs,
  chunk: SubmitRequest[],
  known: ReadonlyMap<string, Entry>,
  liveness: Liveness,
  giveUp: () => void,
): Call<SubmitAnswer | Taken>[] {
  const { clock, legacy, metrics } = needs;
  const token = randomUUID();
  const outcomes = createOutcomes(needs, token, chunk);
  const begun = latch();
  const prepared = prepare(needs, chunk, known, token, () => {
    giveUp();
    begun.open();
  });
  prepared.then(begun.open, begun.open);
  return chunk.map((request) => {
    const sent = post(request);
    const end = sent.then(
      ({ closing }) => outcomes.write(closing),
      () => outcomes.write(null),
    );
    const answer = sent.then(async (one) => {
      await within(CLOSED_MS, 'journal', end).catch(() => {});
      failpoint('submit-closed');
      return one.answer;
    });
    return { answer, begun: begun.passed, end };
  });

  async function post({ index, claim, entry }: SubmitRequest): Promise<{
    answer: SubmitAnswer | Taken;
    closing: Closing | null;
  }> {
    const { messages, taken, since } = await prepared;
    if (taken.has(claim)) return { answer: { index, kind: 'taken' }, closing: null };
    const message = messages.get(entry);
    // Another attempt got between reading and writing: its own answer will tell.
    if (message === undefined)
      return { answer: { index, kind: 'pending', rest: RETRIED_MS }, closing: null };
    // From here its deadline counts.
    const isInTime = performance.now() - since <= OPENED_MS;
    const result: SubmitResult =
      message === null
        ? { kind: 'refused', reason: 'the message is no longer in the claim' }
        : !isInTime
          ? { kind: 'not-accepted', reason: STOOD_STILL, retryAfter: null }
          : await legacy.submit(
              message,
              idempotencyKey(entry),
              () => liveness.maySend(),
              entryBefore(entry) !== null,
            );
    failpoint('submit-answered');
    metrics.submissions.inc({ result: result.kind });
    const closing = closingOf(entry, result);
    if (result.kind !== 'accepted') return { answer: { index, ...result }, closing };
    return { answer: { index, ...result, at: clock.now() }, closing };
  }
}

/** Asks who owns the claims, and writes the intents of ours. @throws what claims or journal throw */
async function prepare(
  needs: Needs,
  chunk: SubmitRequest[],
  known: ReadonlyMap<string, Entry>,
  token: string,
  giveUp: () => void,
): Promise<Prepared> {
  const { inFlight } = needs;
  failpoint('submit-opening');
  const { ours, messageOf } = await mayBeSent(needs, chunk);
  const since = performance.now();
  const prepared = (sent: SubmitRequest[], left: SubmitRequest[]): Prepared => {
    const taken = new Set(chunk.map(({ claim }) => claim));
    for (const { claim } of left) taken.delete(claim);
    return { messages: new Map(sent.map((each) => [each.entry, messageOf(each)])), taken, since };
  };
  if (ours.length === 0) return prepared([], []);
  try {
    const mine = await openIntents(needs, ours, known, token, since);
    failpoint('submit-opened');
    const sendable = ours.filter(({ entry }) => mine.has(entry));
    await inFlight.noteSent(sendable.map(({ claim }) => claim));
    // A run that has concluded a claim since reads the journal after that (settle.ts): one of the two sees the other.
    const still = await stillOpen(needs, ours);
    const ended = sendable.filter((each) => !still.includes(each));
    if (ended.length > 0) void withdraw(needs, ended, token);
    return prepared(
      sendable.filter((each) => still.includes(each)),
      still,
    );
  } catch (error) {
    // Nothing of it is sent: the slots are for others.
    giveUp();
    await withdraw(needs, ours, token);
    throw error;
  }
}

/** The requests whose claims this run has and has not concluded without this attempt; and the message of each. */
async function mayBeSent({ claims }: Needs, chunk: SubmitRequest[]) {
  const owners = await readInTime(() => claims.owners(chunk.map(({ claim }) => claim)));
  const { ours } = fenced(chunk, (claim) => owners.get(claim)?.workflowId);
  return {
    ours: ours.filter(({ claim }) => owners.get(claim)?.isConcluded !== true),
    messageOf: ({ claim }: SubmitRequest): Buffer | null => owners.get(claim)?.message ?? null,
  };
}

/** Without the claims that another run has taken or that this one has concluded. Their messages have been read. */
async function stillOpen({ claims }: Needs, requests: SubmitRequest[]): Promise<SubmitRequest[]> {
  const keys = requests.map(({ claim }) => claim);
  const standing = await readInTime(() => claims.standing(keys));
  return requests.filter(({ claim }) => {
    const now = standing.get(claim);
    return now === undefined || (now.workflowId === ownRun() && !now.isConcluded);
  });
}

/**
 * Writes intents. Before a next entry the one it follows gives way and the claim moves on: a claim whose entry gave way says
 * that the next one was never sent.
 * @throws what claims and journal throw, and when it took too long; some intents may be written then
 */
async function openIntents(
  { claims, journal }: Needs,
  requests: SubmitRequest[],
  known: ReadonlyMap<string, Entry>,
  token: string,
  since: number,
): Promise<Set<string>> {
  const entries = requests.map(({ entry }) => entry);
  const moves = requests.flatMap(({ claim, entry }) => {
    const from = entryBefore(entry);
    return from === null ? [] : [{ claim, from, to: entry }];
  });
  if (moves.length > 0) {
    await journal.supersede(moves.map(({ from }) => from));
    await claims.moveOn(moves);
  }
  const mine = await journal.open(entries, known, token);
  if (performance.now() - since > OPENED_MS) throw stale();
  return mine;
}

/** A store that fails midway may have taken some, which others would take for sent: withdrawn as soon as it takes anything. */
async function withdraw(
  { journal, inFlight }: Needs,
  requests: SubmitRequest[],
  token: string,
): Promise<void> {
  const entries = requests.map(({ entry }) => entry);
  await soon(WITHDRAWN_MS, async () => {
    await journal.withdraw(entries, token);
    await inFlight.noteAnswered(requests.map(({ claim }) => ({ claim, isAccepted: false })));
  }).catch(() => {});
}

function closingOf(entry: string, result: SubmitResult): Closing {
  const requestId = result.kind === 'accepted' ? result.requestId : null;
  const reason = result.kind === 'accepted' ? null : result.reason;
  return { entry, state: result.kind, requestId, reason };
}
