/** Failures counted by group: how each of them counts, and how a group changes with it. */
import { REGISTRATIONS } from './names.ts';

/**
 * How one failure counts. `later`: it waits, and the legacy system has finished it after it had timed out. `letter`: it waits, and was no
 * task, so that its dead letter alone has its message.
 */
export interface Counted {
  class: string;
  /** Folded (failure-group.ts). */
  reason: string;
  as: 'waiting' | 'later' | 'letter' | 'redriven' | 'gone';
  at: Date;
}

/** Failures of one flow, one class and one reason. */
export interface GroupCount {
  _id: string;
  flow: string;
  class: string;
  reason: string;
  waiting: number;
  total: number;
  redriven: number;
  finishedLater: number;
  letters: number;
  firstAt: Date;
  lastAt: Date;
  /** Those of the last hour, by slot. */
  recent: Record<string, number>;
  /** How often something was added or taken away. */
  moves: number;
}

/** Of a claim, or of the note on a malformed delivery. */
export interface FailureFacts {
  /** Of a task, and of what was to be one. */
  worker?: string;
  item?: string;
  outcome?: { kind: string; group?: string; at: Date } | null;
  settledAt?: Date | null;
  gone?: { as?: string | null } | null;
  lateResult?: { status?: string };
}

const HOUR_MS = 3_600_000;
const SLOT_MS = 300_000;

const COUNTS = ['waiting', 'total', 'redriven', 'finishedLater', 'letters'] as const;
const NONE = { waiting: 0, total: 0, redriven: 0, finishedLater: 0, letters: 0 };

const slotOf = (time: number): number => Math.floor(time / SLOT_MS);

export const flowOf = ({ worker = REGISTRATIONS }: FailureFacts): string => worker;

/** Null: it is no failure, or none yet, or was edited by hand. */
export function countedAs({
  worker,
  item,
  outcome,
  settledAt,
  gone,
  lateResult,
}: FailureFacts): Counted | null {
  const { kind, group, at } = outcome ?? {};
  const isSettled = settledAt !== null && settledAt !== undefined;
  if (!isSettled || kind === undefined || group === undefined || !(at instanceof Date)) return null;
  const of = { class: kind, reason: group, at };
  const left = gone?.as ?? null;
  if (left !== null) return { ...of, as: left === 'redriven' ? 'redriven' : 'gone' };
  if (worker !== undefined && item === undefined) return { ...of, as: 'letter' };
  return { ...of, as: lateResult?.status === 'done' ? 'later' : 'waiting' };
}

export const groupId = (flow: string, { class: of, reason }: Pick<Counted, 'class' | 'reason'>) =>
  JSON.stringify([flow, of, reason]);

/** One failure counts otherwise than before. @param groups are changed, and made where they are missing */
export function move(
  groups: Map<string, GroupCount>,
  flow: string,
  from: Counted | null,
  to: Counted | null,
): void {
  if (from !== null) add(groups, flow, from, -1);
  if (to !== null) add(groups, flow, to, 1);
}

function add(groups: Map<string, GroupCount>, flow: string, counted: Counted, by: 1 | -1): void {
  const { class: of, reason, as, at } = counted;
  const _id = groupId(flow, counted);
  const group = groups.get(_id) ?? {
    ...{ _id, flow, class: of, reason, ...NONE },
    ...{ firstAt: at, lastAt: at, recent: {}, moves: 0 },
  };
  // A count that is wrong is corrected by the next recount, and until then never below zero.
  const moved = (count: number, counts = true): number => Math.max(0, count + (counts ? by : 0));
  const isNew = by === 1;
  const isFirst = isNew && group.total === 0;
  const slot = slotOf(at.getTime());
  groups.set(_id, {
    ...group,
    waiting: moved(group.waiting, as !== 'redriven' && as !== 'gone'),
    total: moved(group.total),
    redriven: moved(group.redriven, as === 'redriven'),
    finishedLater: moved(group.finishedLater, as === 'later'),
    letters: moved(group.letters, as === 'letter'),
    firstAt: isFirst || (isNew && at < group.firstAt) ? at : group.firstAt,
    lastAt: isFirst || (isNew && at > group.lastAt) ? at : group.lastAt,
    recent: { ...group.recent, [slot]: moved(group.recent[slot] ?? 0) },
    moves: group.moves + 1,
  });
}

const recentSlots = ({ recent }: Pick<GroupCount, 'recent'>, now: number) =>
  Object.entries(recent).filter(
    ([slot, count]) => count > 0 && Number(slot) >= slotOf(now - HOUR_MS),
  );

/** How many have failed within the last hour, in whole slots of five minutes. */
export const lastHourOf = (group: GroupCount, now: number): number =>
  recentSlots(group, now).reduce((sum, [, count]) => sum + count, 0);

/** Without the slots that are over. */
export const trimmed = (group: GroupCount, now: number): GroupCount => ({
  ...group,
  recent: Object.fromEntries(recentSlots(group, now)),
});

/**
 * Groups whose counts are not as the failures are, as they should be. What changes while the failures are read makes a difference, too:
 * one that is no greater than that is none.
 * @param found by reading all failures; `before`, `now`: the groups before that and after it; `uncounted`: changes that are not counted
 * yet, by group
 */
export function corrections(
  found: ReadonlyMap<string, GroupCount>,
  before: ReadonlyMap<string, GroupCount>,
  now: ReadonlyMap<string, GroupCount>,
  uncounted: ReadonlyMap<string, number>,
): { from: GroupCount | undefined; to: GroupCount }[] {
  return [...new Set([...found.keys(), ...now.keys()])].flatMap((id) => {
    const from = now.get(id);
    const right = found.get(id);
    const moves = from?.moves ?? 0;
    const moved = moves - (before.get(id)?.moves ?? 0) + (uncounted.get(id) ?? 0);
    const isWrong = COUNTS.some(
      (name) => Math.abs((from?.[name] ?? 0) - (right?.[name] ?? 0)) > moved,
    );
    const to = right ?? (from && { ...from, ...NONE });
    return isWrong && to !== undefined ? [{ from, to: { ...to, moves } }] : [];
  });
}
