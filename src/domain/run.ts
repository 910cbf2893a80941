/** The state of a run: 1..K items, each with the step it is due for. Pure, the same for every flow; workflows/run.ts drives it. */
export interface RunItem {
  index: number;
  /** The item as people may see it. */
  label: string;
  /** A step has it. */
  busy: boolean;
  /** Its last step went unanswered: it goes on apart from well items. */
  sick: boolean;
  /** Epoch ms of its next step; null when only a person can bring it on. */
  dueAt: number | null;
}

export interface Run<I extends RunItem> {
  items: I[];
  /** How many items left the run, by the way they left. */
  settled: Record<string, number>;
  cancelling: boolean;
}

/** Why a step has no answer: the run wanted it back, its time is over, or something of ours is wrong for good. */
export type NoAnswer = 'cancelled' | 'timeout' | 'error';

/** A flow's decisions about its items, besides those of each step about an answer. Times are epoch ms. */
export interface Flow<I extends RunItem> {
  /** Items with different words for this are never in one step. */
  apart?(item: I): string;
  /** Those that wait for no other item of the run; all of them where it is not given. */
  inTurn?(items: readonly I[]): readonly I[];
  /** How early an item may join others of its step that are due, ms. */
  comesAlong(item: I): number;
  noAnswer(item: I, why: NoAnswer, now: number): I;
  /** When its run is cancelled and no step has it. */
  whenCancelled(item: I, now: number): I;
  /** When it comes back from a step to a cancelled run. */
  backWhenCancelled(before: I, after: I, isAnswered: boolean, now: number): I;
  /** The way an item left the run by this kind of answer. */
  howItLeft(item: I, answer: string): string;
}

export interface Step<I, K extends string = string> {
  kind: K;
  items: I[];
}

/** An item before and after a step (null: it leaves the run), and the kind of its answer, if it has one. */
export interface Answered<I> {
  before: I;
  after: I | null;
  answer: string | null;
}

/** Another run has taken the claim, since this one was thought dead or was reset: the item leaves this run. */
export interface Taken {
  index: number;
  kind: 'taken';
}

export const newRun = <I extends RunItem>(items: I[]): Run<I> => ({
  items,
  settled: {},
  cancelling: false,
});

/** The steps that are due, well and sick items apart. */
export function dueSteps<I extends RunItem, K extends string>(
  run: Run<I>,
  stepOf: (item: I) => K,
  flow: Pick<Flow<I>, 'comesAlong' | 'apart' | 'inTurn'>,
  now: number,
): Step<I, K>[] {
  const groupOf = (item: I) =>
    `${stepOf(item)}${item.sick ? ', sick' : ''}${flow.apart?.(item) ?? ''}`;
  const items = inTurn(run, flow);
  const overdue = new Set(items.filter((item) => isDue(item, now)).map(groupOf));
  const steps = new Map<string, Step<I, K>>();
  for (const item of items) {
    const group = groupOf(item);
    const early = item.sick ? 0 : flow.comesAlong(item);
    if (!overdue.has(group) || !isDue(item, now + early)) continue;
    const step = steps.get(group) ?? { kind: stepOf(item), items: [] };
    step.items.push(item);
    steps.set(group, step);
  }
  return [...steps.values()];
}

const isDue = ({ busy, dueAt }: RunItem, now: number): boolean =>
  !busy && dueAt !== null && dueAt <= now;

const inTurn = <I extends RunItem>({ items }: Run<I>, flow: Pick<Flow<I>, 'inTurn'>) =>
  flow.inTurn?.(items) ?? items;

/** Epoch ms when the next step falls due, or null when nothing is due without an answer or a person. */
export function wakeAt<I extends RunItem>(
  run: Run<I>,
  flow: Pick<Flow<I>, 'inTurn'> = {},
): number | null {
  const times = inTurn(run, flow).flatMap(({ busy, dueAt }) =>
    busy || dueAt === null ? [] : [dueAt],
  );
  return times.length === 0 ? null : Math.min(...times);
}

/** How many items it has had: the index of the next one. */
export const countTaken = ({ items, settled }: Run<RunItem>): number =>
  Object.values(settled).reduce((sum, count) => sum + count, items.length);

export const withMore = <I extends RunItem>(run: Run<I>, more: readonly I[]): Run<I> => ({
  ...run,
  items: [...run.items, ...more],
});

/** Whether nothing but a person can bring the run on. */
export const isAtRest = ({ items }: Run<RunItem>): boolean =>
  items.every(({ busy, dueAt }) => !busy && dueAt === null);

/** The run with these items replaced (matched by index); null takes an item out. */
export function replace<I extends RunItem>(
  run: Run<I>,
  changed: ReadonlyMap<number, I | null>,
): Run<I> {
  const items = run.items.flatMap((item) => {
    const now = changed.get(item.index);
    return now === null ? [] : [now ?? item];
  });
  return { ...run, items };
}

export const began = <I extends RunItem>(run: Run<I>, { items }: Step<I>): Run<I> =>
  replace(run, new Map(items.map((item) => [item.index, { ...item, busy: true }])));

/** Applies the answers of a step to its items. An item that no answer names stays as it was. */
export function answersTo<
  I extends RunItem,
  J extends I,
  A extends { index: number; kind: string },
>(items: J[], answers: (A | Taken)[], after: (item: J, answer: A) => I | null): Answered<I>[] {
  const byIndex = new Map(answers.map((answer) => [answer.index, answer]));
  return items.map((before) => {
    const answer = byIndex.get(before.index);
    if (answer === undefined) return { before, after: { ...before, busy: false }, answer: null };
    return { before, after: isTaken(answer) ? null : after(before, answer), answer: answer.kind };
  });
}

const isTaken = (answer: { kind: string }): answer is Taken => answer.kind === 'taken';

export const unanswered = <I extends RunItem>(
  { items }: Step<I>,
  why: NoAnswer,
  flow: Pick<Flow<I>, 'noAnswer'>,
  now: number,
): Answered<I>[] =>
  items.map((before) => ({ before, after: flow.noAnswer(before, why, now), answer: null }));

/** The run after a step: items that left are counted; the others hear of a cancellation. */
export function applied<I extends RunItem>(
  run: Run<I>,
  answered: Answered<I>[],
  flow: Flow<I>,
  now: number,
): Run<I> {
  const settled = { ...run.settled };
  const changed = new Map<number, I | null>();
  for (const { before, after, answer } of answered) {
    const stopped =
      after === null || !run.cancelling
        ? after
        : flow.backWhenCancelled(before, after, answer !== null, now);
    changed.set(before.index, stopped);
    if (stopped !== null || answer === null) continue;
    const how = answer === 'taken' ? answer : flow.howItLeft(before, answer);
    settled[how] = (settled[how] ?? 0) + 1;
  }
  return { ...replace(run, changed), settled };
}

/** Cancels the run: an item that a step has is left to that step. */
export const cancelled = <I extends RunItem>(run: Run<I>, flow: Flow<I>, now: number): Run<I> => ({
  ...run,
  items: run.items.map((item) => (item.busy ? item : flow.whenCancelled(item, now))),
  cancelling: true,
});

/** How many open items are where: `{submit: 3, poll: 97}`. */
export function countByPhase({ items }: Run<RunItem & { phase: string }>): Record<string, number> {
  const counts: Record<string, number> = {};
  for (const { phase } of items) counts[phase] = (counts[phase] ?? 0) + 1;
  return counts;
}
