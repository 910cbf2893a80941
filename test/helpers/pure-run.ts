/**
 * A run without Temporal: drives the state machine as workflows/run.ts does, in a time of its own and by the same
 * steps, with answers and accidents taken from a tape of numbers. When the tape is at its end the world is kind: all is accepted and done.
 */
import { afterSubmit } from '../../src/domain/registrations/after-answer.ts';
import { registrationFlow } from '../../src/domain/registrations/flow.ts';
import type {
  ClaimAnswer,
  LookUpAnswer,
  PollAnswer,
  SettleAnswer,
  SubmitAnswer,
} from '../../src/domain/registrations/answers.ts';
import { isIn } from '../../src/domain/registrations/item.ts';
import type {
  Claiming,
  Doubtful,
  Item,
  Polling,
  Settling,
  Submitting,
} from '../../src/domain/registrations/item.ts';
import type { Rules } from '../../src/domain/registrations/rules.ts';
import {
  answersTo,
  applied,
  began,
  cancelled,
  dueSteps,
  replace,
  unanswered,
  wakeAt,
} from '../../src/domain/run.ts';
import type { Answered, Run, Step } from '../../src/domain/run.ts';
import { registrationSteps } from '../../workflows/registrations/steps.ts';
import { stepIn } from '../../workflows/run.ts';
import type { Row } from '../../workflows/run.ts';
import { DAY, T0, runOf, seen } from './items.ts';
import type { Seen } from './items.ts';

const tableOf = (rules: Rules) =>
  registrationSteps(
    () => rules,
    () => {},
  );
type Table = ReturnType<typeof tableOf>;
export type StepKind = keyof Table;

/** Which step of the real table an item is due for, whatever the rules. */
export const stepOf = (rules: Rules) => stepIn<Item, StepKind>(tableOf(rules));

/** One thing that happened, for properties to look at. Times are epoch ms. */
export type Happening =
  | { kind: 'began'; at: number; step: Step<Item, StepKind>; run: Run<Item> }
  | {
      kind: 'answered';
      at: number;
      step: Step<Item, StepKind>;
      before: Seen;
      answer: Answer | null;
      after: Seen | null;
    }
  | { kind: 'cancelled'; at: number };

export type Answer = ClaimAnswer | SubmitAnswer | LookUpAnswer | PollAnswer | SettleAnswer;

export interface Finished {
  run: Run<Item>;
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
  const flow = registrationFlow(() => rules);
  const table = tableOf(rules);
  const stepOf = stepIn<Item, StepKind>(table);
  let run = runOf(count);
  const inFlight: Step<Item, StepKind>[] = [];
  const left: number[] = [];
  const story: Happening[] = [];
  /** What each journal entry was last told to be. An entry in doubt never turns out "not accepted" here. */
  const told = new Map<string, SubmitAnswer['kind']>();

  for (let turn = 0; turn < TURNS; turn++) {
    if (cancelAfter !== null && !run.cancelling && story.length >= cancelAfter) {
      story.push({ kind: 'cancelled', at: now });
      run = cancelled(run, flow, now);
    }
    for (const step of dueSteps(run, stepOf, flow, now)) {
      story.push({ kind: 'began', at: now, step, run });
      run = began(run, step);
      inFlight.push(step);
    }
    const at = wakeAt(run);
    if (inFlight.length > 0 && (at === null || draw(3) !== 1)) {
      now += [5, 100, 20_000][draw(3)] ?? 5;
      const [step] = inFlight.splice(draw(inFlight.length), 1);
      if (step !== undefined) end(step);
    } else if (at !== null) {
      now = Math.max(now, at) + ([0, 1, 700, DAY, 8 * DAY][draw(5)] ?? 0);
    } else if (operator && read < tape.length && run.items.length > 0) operate();
    else return { run, left, story, now };
  }
  throw new Error(`the run does not come to rest: ${JSON.stringify(run.items)}`);

  /** An operator's word on the first registration in doubt. */
  function operate(): void {
    const item = run.items.filter(isIn('doubt')).find(({ busy }) => !busy);
    if (item === undefined) return void draw(1);
    const { index } = item;
    const words: SubmitAnswer[] = [
      { index, kind: 'resubmit' },
      { index, kind: 'abandoned', reason: 'by the operator' },
      { index, kind: 'accepted', requestId: `confirmed-${index}`, at: now },
    ];
    const word = words[draw(3)];
    if (word !== undefined)
      run = replace(run, new Map([[index, afterSubmit(item, word, rules, now)]]));
  }

  function end(step: Step<Item, StepKind>): void {
    // One in eight ends without an answer; what a run takes back is the only such end that cancellation brings.
    const why = draw(8) !== 7 ? undefined : (['cancelled', 'timeout', 'error'] as const)[draw(3)];
    const answers = new Map<number, Answer>();
    const answered = why === undefined ? perform(step, answers) : unanswered(step, why, flow, now);
    run = applied(run, answered, flow, now);
    for (const { before } of answered) {
      const item = run.items.find(({ index }) => index === before.index);
      const after = item === undefined ? null : seen(item);
      const answer = answers.get(before.index) ?? null;
      if (after === null) left.push(before.index);
      story.push({ kind: 'answered', at: now, step, before: seen(before), answer, after });
    }
  }

  /** As the row of the table does it, but for the activity. */
  function perform({ kind, items }: Step<Item, StepKind>, given: Map<number, Answer>) {
    switch (kind) {
      case 'claim':
        return ask(table.claim, items, given, claimSays);
      case 'submit':
        return ask(table.submit, items, given, journalSays('submit'));
      case 'recheck':
        return ask(table.recheck, items, given, journalSays('recheck'));
      case 'lookUp':
        return ask(table.lookUp, items, given, legacySays);
      case 'poll':
        return ask(table.poll, items, given, pollSays);
      case 'persist':
        return ask(table.persist, items, given, storeSays(true));
      case 'route':
        return ask(table.route, items, given, storeSays(false));
    }
  }

  function ask<J extends Item, Q, A extends Answer>(
    row: Row<Item, J, Q, A>,
    items: Item[],
    given: Map<number, Answer>,
    say: (item: J) => A,
  ): Answered<Item>[] {
    const taken = items.filter(row.takes);
    // An answer that fails to name an item leaves it as it was.
    const answers = taken.flatMap((item) => (draw(9) === 8 ? [] : [say(item)]));
    for (const answer of answers) given.set(answer.index, answer);
    return answersTo(taken, answers, (item, answer) => row.after(item, answer, now));
  }

  function claimSays({ index, id }: Claiming): ClaimAnswer {
    const claim = `${id}~0`;
    const entry = `${claim}#1`;
    const accepted = { requestId: `REQ-${index}`, acceptedAt: now - 1_000 };
    const answer = pick<ClaimAnswer>([
      { index, kind: 'claimed', claim, entry },
      { index, kind: 'duplicate' },
      { index, kind: 'conflict', claim: `${claim}!c`, reason: 'taken' },
      { index, kind: 'resumed', claim, entry, ...accepted },
      { index, kind: 'in-doubt', claim, entry },
      { index, kind: 'undecided' },
    ]);
    if (answer.kind === 'resumed') told.set(entry, 'accepted');
    if (answer.kind === 'in-doubt') told.set(entry, 'unknown');
    return answer;
  }

  function pollSays({ index }: Polling): PollAnswer {
    return pick<PollAnswer>([
      { index, kind: 'done' },
      { index, kind: 'processing' },
      { index, kind: 'failed', reason: 'no' },
      { index, kind: 'unreadable', reason: 'HTTP 500', retryAfter: null },
      { index, kind: 'unreadable', reason: 'HTTP 503', retryAfter: 5_000 },
      { index, kind: 'deferred', reason: 'a limit', retryAfter: 2_000 },
      { index, kind: 'on the wire' },
      { index, kind: 'waiting' },
    ]);
  }

  function storeSays(isSuccess: boolean) {
    return ({ index }: Settling): SettleAnswer =>
      pick<SettleAnswer>([
        { index, kind: 'settled' },
        { index, kind: 'leftover' },
        { index, kind: 'setAside' },
        ...(isSuccess ? [{ index, kind: 'missing' } as const] : []),
      ]);
  }

  function journalSays(step: 'submit' | 'recheck') {
    return ({ index, entry }: Submitting | Doubtful): SubmitAnswer => {
      const answer = readJournal(step, index, entry);
      told.set(entry, answer.kind);
      return answer;
    };
  }

  /** What the journal knows, or comes to know. It never goes back on "accepted", "refused" or "unknown". */
  function readJournal(step: 'submit' | 'recheck', index: number, entry: string): SubmitAnswer {
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
  function legacySays({ index, entry }: Doubtful): LookUpAnswer {
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
    const isKnown = known === 'accepted' || known === 'refused' || known === 'pending';
    const answer = isKnown ? readJournal('recheck', index, entry) : pick(asked);
    if (answer.kind === 'accepted') told.set(entry, 'accepted');
    return answer;
  }

  function pick<T>(answers: readonly T[]): T {
    const answer = answers[draw(answers.length)] ?? answers[0];
    if (answer === undefined) throw new Error('nothing to pick from');
    return answer;
  }
}
