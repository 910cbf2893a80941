/**
 * A run without Temporal: drives the state machine as workflows/registrations/registrations.ts does, in a time of its own, with answers
 * and accidents taken from a tape of numbers. When the tape is at its end the world is kind: all is accepted and done.
 */
import {
  afterClaim,
  afterLookUp,
  afterPoll,
  afterSettle,
  afterSubmit,
} from '../../src/domain/registrations/after-answer.ts';
import {
  afterNoAnswer,
  backWhenCancelled,
  whenCancelled,
} from '../../src/domain/registrations/without-answer.ts';
import type {
  ClaimAnswer,
  LookUpAnswer,
  PollAnswer,
  SettleAnswer,
  SubmitAnswer,
} from '../../src/domain/registrations/answers.ts';
import {
  began,
  dueSteps,
  newBatch,
  replace,
  wakeAt,
} from '../../src/domain/registrations/batch.ts';
import type { Batch, Item, Rules, Step } from '../../src/domain/registrations/batch.ts';
import { DAY, T0, registrationOf } from './items.ts';

/** One thing that happened, for properties to look at. Times are epoch ms. */
export type Happening =
  | { kind: 'began'; at: number; step: Step; batch: Batch }
  | {
      kind: 'answered';
      at: number;
      step: Step;
      before: Item;
      answer: Answer | null;
      after: Item | null;
    }
  | { kind: 'cancelled'; at: number };

export type Answer = ClaimAnswer | SubmitAnswer | LookUpAnswer | PollAnswer | SettleAnswer;

export interface Finished {
  batch: Batch;
  /** Indexes in the order in which they left. */
  left: number[];
  story: Happening[];
  now: number;
}

export interface Script {
  tape: readonly number[];
  count: number;
  /** After how many happenings the run is cancelled; null for never. */
  cancelAfter: number | null;
  /** Whether somebody resolves doubts while the tape lasts. */
  operator: boolean;
}

const TURNS = 5_000;

/** @throws Error when the run neither ends nor comes to rest */
export function pureRun(rules: Rules, { tape, count, cancelAfter, operator }: Script): Finished {
  let read = 0;
  /** A number below n, 0 when the tape is at its end. */
  const draw = (n: number): number => (tape[read++] ?? 0) % n;
  let now = T0;
  let batch = newBatch(
    Array.from({ length: count }, (_, n) => registrationOf(`r-${n}`)),
    now,
  );
  const inFlight: Step[] = [];
  const left: number[] = [];
  const story: Happening[] = [];
  /** What each journal entry was last told to be. An entry in doubt never turns out "not accepted" here. */
  const told = new Map<string, SubmitAnswer['kind']>();

  for (let turn = 0; turn < TURNS; turn++) {
    if (cancelAfter !== null && !batch.cancelling && story.length >= cancelAfter) cancel();
    for (const step of dueSteps(batch, rules, now)) {
      story.push({ kind: 'began', at: now, step, batch });
      batch = began(batch, step);
      inFlight.push(step);
    }
    const at = wakeAt(batch);
    if (inFlight.length > 0 && (at === null || draw(3) !== 1)) {
      now += [5, 100, 20_000][draw(3)] ?? 5;
      const [step] = inFlight.splice(draw(inFlight.length), 1);
      if (step !== undefined) answer(step);
    } else if (at !== null) {
      now = Math.max(now, at) + ([0, 1, 700, DAY, 8 * DAY][draw(5)] ?? 0);
    } else if (operator && read < tape.length && batch.items.length > 0) operate();
    else return { batch, left, story, now };
  }
  throw new Error(`the run does not come to rest: ${JSON.stringify(batch.items)}`);

  function cancel(): void {
    story.push({ kind: 'cancelled', at: now });
    const items = batch.items.map((item) => whenCancelled(item, now, false));
    batch = { ...batch, items, cancelling: true };
  }

  /** An operator's word on the first registration in doubt. */
  function operate(): void {
    const item = batch.items.find(({ phase, busy }) => phase === 'doubt' && !busy);
    if (item === undefined) return void draw(1);
    const { index } = item;
    const words: SubmitAnswer[] = [
      { index, kind: 'resubmit' },
      { index, kind: 'abandoned', reason: 'by the operator' },
      { index, kind: 'accepted', requestId: `confirmed-${index}`, at: now },
    ];
    const word = words[draw(3)];
    if (word !== undefined)
      batch = replace(batch, new Map([[index, afterSubmit(item, word, rules, now)]]));
  }

  function answer(step: Step): void {
    // One in eight ends without an answer; what a run takes back is the only such end that cancellation brings.
    const fate = draw(8);
    const why = fate !== 7 ? null : (['cancelled', 'timeout', 'error'] as const)[draw(3)];
    const changed = new Map<number, Item | null>();
    for (const before of step.items) {
      // An answer that fails to name an item leaves it as it was.
      const given = why === null && draw(9) !== 8 ? answerTo(step, before) : null;
      const after =
        why !== null && why !== undefined
          ? afterNoAnswer(before, why, rules, now)
          : given === null
            ? { ...before, busy: false }
            : given.apply();
      const stopped =
        after !== null && batch.cancelling
          ? backWhenCancelled(after, step.kind, given !== null, now)
          : after;
      if (stopped === null) left.push(before.index);
      changed.set(before.index, stopped);
      story.push({
        kind: 'answered',
        at: now,
        step,
        before,
        answer: given?.answer ?? null,
        after: stopped,
      });
    }
    batch = replace(batch, changed);
  }

  function answerTo(step: Step, item: Item): { answer: Answer; apply: () => Item | null } {
    const { index } = item;
    switch (step.kind) {
      case 'claim': {
        const claim = `${item.id}~0`;
        const entry = `${claim}#1`;
        const answers: ClaimAnswer[] = [
          { index, kind: 'claimed', claim, entry },
          { index, kind: 'duplicate' },
          { index, kind: 'conflict', claim: `${claim}!c`, reason: 'taken' },
          {
            index,
            kind: 'resumed',
            claim,
            entry,
            requestId: `REQ-${index}`,
            acceptedAt: now - 1_000,
          },
          { index, kind: 'in-doubt', claim, entry },
          { index, kind: 'undecided' },
        ];
        const answer = pick(answers);
        if (answer.kind === 'resumed') told.set(entry, 'accepted');
        if (answer.kind === 'in-doubt') told.set(entry, 'unknown');
        return { answer, apply: () => afterClaim(item, answer, rules, now) };
      }
      case 'submit':
      case 'recheck': {
        const answer = journalSays(step.kind, item);
        told.set(item.entry, answer.kind);
        return { answer, apply: () => afterSubmit(item, answer, rules, now) };
      }
      case 'lookUp': {
        const answer = legacySays(item);
        if (answer.kind === 'accepted') told.set(item.entry, 'accepted');
        return { answer, apply: () => afterLookUp(item, answer, rules, now) };
      }
      case 'poll': {
        const answers: PollAnswer[] = [
          { index, kind: 'done' },
          { index, kind: 'processing' },
          { index, kind: 'failed', reason: 'no' },
          { index, kind: 'unreadable', reason: 'HTTP 500', retryAfter: null },
          { index, kind: 'unreadable', reason: 'HTTP 503', retryAfter: 5_000 },
          { index, kind: 'held', reason: 'a limit', retryAfter: 2_000 },
          { index, kind: 'on the wire' },
          { index, kind: 'waiting' },
        ];
        const answer = pick(answers);
        return { answer, apply: () => afterPoll(item, answer, rules, now) };
      }
      case 'persist':
      case 'route': {
        const answers: SettleAnswer[] = [
          { index, kind: 'settled' },
          { index, kind: 'leftover' },
          { index, kind: 'unroutable' },
          ...(step.kind === 'persist' ? [{ index, kind: 'missing' } as const] : []),
        ];
        const answer = pick(answers);
        return { answer, apply: () => afterSettle(item, answer, rules, now) };
      }
    }
  }

  /** What the journal knows, or comes to know. It never goes back on "accepted", "refused" or "unknown". */
  function journalSays(
    step: 'submit' | 'recheck',
    { index, entry }: Pick<Item, 'index' | 'entry'>,
  ): SubmitAnswer {
    const accepted = { index, kind: 'accepted', requestId: `REQ-${index}`, at: now } as const;
    const unknown = { index, kind: 'unknown', reason: 'lost' } as const;
    const refused = { index, kind: 'refused', reason: 'no' } as const;
    const notAccepted = {
      index,
      kind: 'not-accepted',
      reason: 'HTTP 503',
      retryAfter: null,
    } as const;
    const pending = { index, kind: 'pending', rest: draw(2) === 0 ? 0 : 1_000 } as const;
    const waiting = { index, kind: 'waiting' } as const;
    switch (told.get(entry)) {
      case 'accepted':
        return accepted;
      case 'refused':
        return refused;
      case 'unknown':
        return pick<SubmitAnswer>([unknown, accepted, refused]);
      case 'pending':
        return pick<SubmitAnswer>([accepted, pending, unknown, refused, notAccepted]);
      default:
        return step === 'recheck'
          ? pick<SubmitAnswer>([notAccepted, pending])
          : pick<SubmitAnswer>([accepted, unknown, refused, notAccepted, pending, waiting]);
    }
  }

  /** A look-up: what the journal has come to know meanwhile, or what is found. */
  function legacySays({ index, entry }: Item): LookUpAnswer {
    const known = told.get(entry);
    const asked: LookUpAnswer[] = [
      { index, kind: 'accepted', requestId: `REQ-${index}`, at: now },
      { index, kind: 'absent', rest: 60_000 },
      { index, kind: 'resubmit' },
      { index, kind: 'ambiguous', reason: 'found twice' },
      { index, kind: 'unreadable', reason: 'HTTP 500', retryAfter: null },
      { index, kind: 'unreadable', reason: 'HTTP 503', retryAfter: 5_000 },
      { index, kind: 'on the wire' },
      { index, kind: 'waiting' },
    ];
    return known === 'accepted' || known === 'refused' || known === 'pending'
      ? journalSays('recheck', { index, entry })
      : pick(asked);
  }

  function pick<T>(answers: readonly T[]): T {
    const answer = answers[draw(answers.length)] ?? answers[0];
    if (answer === undefined) throw new Error('nothing to pick from');
    return answer;
  }
}
