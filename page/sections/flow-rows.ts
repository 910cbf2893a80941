/** Flows of all kinds as rows of one table. A number that nobody knows is null, and never a zero. */
import type { Overview, Tile, Views } from '../state/types.ts';
import type { Tone } from '../parts/shape.tsx';

export interface FlowRow {
  key: string;
  name: string;
  kind: 'registrations' | 'worker' | 'folder' | 'etl' | 'schedule';
  state:
    | 'working'
    | 'idle'
    | 'paused'
    | 'held'
    | 'nobody'
    | 'notCollected'
    | 'processing'
    | 'silent'
    | 'stopped'
    | 'done'
    | 'on'
    | 'unknown';
  tone: Tone;
  why: string | null;
  waiting: number | null;
  open: number | null;
  failed: number | null;
  perSecond: number | null;
  nextAt: string | null;
  missed: number;
  /** Since when nothing was heard of it. */
  silentSince: string | null;
  pausable: boolean;
}

const BLANK = {
  ...{ why: null, waiting: null, open: null, failed: null, perSecond: null },
  ...{ nextAt: null, missed: 0, silentSince: null, pausable: false },
} satisfies Partial<FlowRow>;

const valueOf = <T>(tile: Tile<T> | null | undefined): T | null =>
  tile === undefined || tile === null || tile.state === 'unknown' ? null : tile.value;
const listOf = <T>(tile: Tile<T[]> | undefined): T[] => valueOf(tile) ?? [];

/** What everybody is paused by ends for everybody. */
export const isAllPaused = (overview: Overview | undefined): boolean =>
  listOf(overview?.holds).some(({ isOfAll }) => isOfAll);

export function rowsOf(
  overview: Overview | undefined,
  flows: Views['flows'] | undefined,
): FlowRow[] {
  const [folders, runs] = [listOf(flows?.folders), listOf(flows?.etlRuns)];
  // They are run as workers, and stand there once.
  const named = new Set([...folders.map(({ name }) => name), ...runs.map(({ run }) => run)]);
  return [
    ...(overview === undefined ? [] : [registrations(overview)]),
    ...listOf(flows?.workers)
      .filter(({ worker }) => !named.has(worker))
      .map(ofWorker),
    ...folders.map(ofFolder),
    ...runs.map(ofRun),
    ...listOf(flows?.schedules).map(ofSchedule),
  ];
}

function registrations({
  holds,
  waiting,
  inFlight,
  inDoubt,
  failed,
  perSecond,
}: Overview): FlowRow {
  const own = listOf(holds).filter(({ source }) => source === 'registrations');
  const pause = own.find(({ by }) => by === 'paused');
  const hold = pause ?? own[0];
  const [flying, doubted] = [valueOf(inFlight), valueOf(inDoubt)];
  const open = flying === null || doubted === null ? null : flying + doubted;
  const busy = (valueOf(waiting) ?? 0) + (open ?? 0) > 0;
  const isKnown = holds.state === 'value' && open !== null && waiting.state === 'value';
  const state = !isKnown ? 'unknown' : pause ? 'paused' : hold ? 'held' : busy ? 'working' : 'idle';
  return {
    ...BLANK,
    ...{
      key: 'registrations',
      name: 'registrations',
      kind: 'registrations',
      state,
      open,
      pausable: true,
    },
    tone: toneOf(state),
    why: hold?.reason ?? null,
    waiting: valueOf(waiting),
    failed: valueOf(failed),
    perSecond: valueOf(perSecond),
  };
}

function ofWorker(worker: Part<'workers'>): FlowRow {
  const { worker: name, processes, waiting, open, dead, perSecond, paused } = worker;
  const busy = open + (valueOf(waiting) ?? 0) > 0;
  const rest = waiting?.state === 'unknown' ? 'unknown' : 'idle';
  const state = paused ? 'paused' : processes === 0 ? 'nobody' : busy ? 'working' : rest;
  return {
    ...BLANK,
    ...{ key: `worker/${name}`, name, kind: 'worker', state, open, perSecond, pausable: true },
    tone: state === 'nobody' && !busy ? 'idle' : toneOf(state),
    why: paused?.reason ?? (waiting?.state === 'unknown' ? waiting.reason : null),
    waiting: valueOf(waiting),
    failed: dead,
  };
}

function ofFolder(folder: Part<'folders'>): FlowRow {
  const { name, seen, isCollected, isPaused, closedBy, open, failed, again } = folder;
  const busy = open + (seen?.waiting ?? 0) > 0;
  const taken = !isCollected ? 'notCollected' : busy ? 'working' : 'idle';
  const state = isPaused ? 'paused' : closedBy !== null ? 'held' : taken;
  return {
    ...BLANK,
    ...{ key: `folder/${name}`, name, kind: 'folder', state, open, failed, pausable: true },
    tone: toneOf(state),
    why: closedBy ?? again[0]?.reason ?? null,
    waiting: seen?.waiting ?? null,
  };
}

const RUN_TONES = { processing: 'ok', silent: 'bad', stopped: 'warn', done: 'idle' } as const;

function ofRun(run: Part<'etlRuns'>): FlowRow {
  const ended = Object.values(run.counts).reduce((sum, count) => sum + count, 0);
  const bad = (run.counts['invalid'] ?? 0) + (run.counts['exhausted'] ?? 0);
  return {
    ...BLANK,
    ...{ key: `etl/${run.run}`, name: run.run, kind: 'etl', state: run.state },
    tone: RUN_TONES[run.state],
    why: run.input,
    silentSince: run.state === 'silent' ? run.seenAt : null,
    open: run.state === 'done' ? 0 : Math.max(0, run.items - ended),
    failed: bad,
  };
}

function ofSchedule({ id, isPaused, nextAt, missed, note }: Part<'schedules'>): FlowRow {
  const state = isPaused ? 'paused' : 'on';
  return {
    ...BLANK,
    ...{ key: `schedule/${id}`, name: id, kind: 'schedule', state, nextAt, missed },
    tone: isPaused || missed > 0 ? 'warn' : 'ok',
    why: note || null,
  };
}

type Value<T> = T extends { state: 'value'; value: (infer One)[] } ? One : never;
type Part<Name extends keyof Views['flows']> = Value<Views['flows'][Name]>;

const toneOf = (state: FlowRow['state']): Tone => {
  if (state === 'working') return 'ok';
  if (state === 'idle' || state === 'unknown') return state;
  return state === 'paused' || state === 'notCollected' ? 'warn' : 'bad';
};
