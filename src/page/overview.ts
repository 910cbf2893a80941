/** What stands at the top: how it is, in one word with its reason, and the numbers. */
import { legacyEndpoint } from '../config/endpoint.ts';
import type { Config } from '../config/schema.ts';
import type { Control } from '../coordination/control.ts';
import type { SeenProcess } from '../coordination/processes.ts';
import { clearIn } from '../domain/backlog.ts';
import { REGISTRATIONS, VERSION } from '../domain/names.ts';
import { isOfEtl } from '../etl/run/records.ts';
import { holdsOf } from '../intake/holds.ts';
import type { WorkerCounts } from '../operations/worker-counts.ts';
import { part, type Cell, type Tile } from './cell.ts';
import type { Made } from './kinds.ts';
import type { Readings } from './readings.ts';
import type { breaker, hold, overview, verdict } from './views.ts';

type Overview = Made<typeof overview>;
type Hold = Made<typeof hold>;
type Read = Pick<
  Readings,
  'control' | 'pulse' | 'workers' | 'queues' | 'doubts' | 'failed' | 'latency' | 'minutes'
>;

export function overviewOf(
  config: Config,
  readings: Read,
  everyMs: number,
  { environment, since }: { environment: string | null; since: Date },
): Overview {
  const tileOf = <T>(cell: Cell<T>): Tile<T> => cell.tile(everyMs);
  const control = tileOf(readings.control);
  const pulse = tileOf(readings.pulse);
  const workers = tileOf(readings.workers);
  const queued = tileOf(readings.queues);
  const hasQueue = queued.state === 'unknown' || queued.value !== null;
  const waiting: Tile<number> = hasQueue
    ? part(queued, (count) => count ?? 0)
    : { state: 'unknown', reason: noQueue(config) };
  const inDoubt = part(tileOf(readings.doubts), ({ all }) => all);
  const inFlight = part(both(pulse, inDoubt), ([{ open }, doubts]) => Math.max(0, open - doubts));
  const perSecond = part(pulse, (each) => each.perSecond);
  const facts: Omit<Overview, 'verdict'> = {
    ...{ version: VERSION, environment, at: new Date() },
    ...{ waiting, inFlight, inDoubt, perSecond },
    failed: tileOf(readings.failed),
    setAside: part(pulse, ({ setAside }) => setAside),
    clearIn: part(both(both(waiting, inFlight), perSecond), ([[queued, open], rate]) => {
      const seconds = clearIn({ waiting: queued, inFlight: open, perSecond: rate });
      return seconds === null ? null : Math.ceil(seconds);
    }),
    lag: part(pulse, ({ lag }) => lag),
    legacy: tileOf(readings.latency),
    holds: part(control, (each) => allHolds(config, each.control)),
    breakers: part(control, (each) => breakersIn(each.control)),
    minutes: tileOf(readings.minutes),
  };
  return { ...facts, verdict: verdictOf(facts, { control, workers, hasQueue, since }) };
}

const noQueue = ({ rabbit }: Config): string =>
  `There is no queue "${rabbit.intakeQueue}": an intake that starts makes it`;

/** As good as the worse of two. */
function both<A, B>(a: Tile<A>, b: Tile<B>): Tile<[A, B]> {
  if (a.state === 'unknown') return a;
  if (b.state === 'unknown') return b;
  const value: [A, B] = [a.value, b.value];
  const at = a.at < b.at ? a.at : b.at;
  const stale = a.state === 'stale' ? a : b;
  return stale.state === 'stale'
    ? { state: 'stale', value, at, reason: stale.reason }
    : { state: 'value', value, at };
}

interface Seen {
  control: Tile<{ processes: SeenProcess[] }>;
  workers: Tile<WorkerCounts[]>;
  hasQueue: boolean;
  since: Date;
}

function verdictOf(
  { waiting, inFlight, inDoubt, setAside, holds }: Omit<Overview, 'verdict'>,
  { control, workers, hasQueue, since }: Seen,
): Made<typeof verdict> {
  const { processes } = valueOr(control, { processes: [] });
  // Where nobody takes registrations, nobody misses their queue.
  const isAsked = hasQueue || processes.some(({ role }) => role !== 'tasks');
  const asked = isAsked ? [waiting] : [];
  const dark = [control, ...asked, inFlight, inDoubt, setAside, holds, workers].find(
    ({ state }) => state !== 'value',
  );
  if (dark !== undefined && dark.state !== 'value')
    return {
      ...{ state: 'unknown', reason: dark.reason },
      since: dark.state === 'stale' ? dark.at : since,
    };
  const open = valueOr(inFlight, 0) + valueOr(inDoubt, 0);
  const isThere = (wanted: SeenProcess['role']) =>
    processes.some(({ role, state }) => role === wanted && state === 'alive');
  const nobody = { state: 'nobody', worker: null } as const;
  if (open > 0 && !isThere('worker')) return { ...nobody, missing: 'worker' };
  if (valueOr(waiting, 0) > 0 && !isThere('intake')) return { ...nobody, missing: 'intake' };
  const busy = valueOr(workers, []).filter((each) => each.open + waitingOf(each) > 0);
  // A run over a list that nobody goes on with is one of the flows, and holds nobody up.
  const left = busy.find(
    (each) => each.processes === 0 && each.paused === null && !isOfEtl(each.worker),
  );
  if (left !== undefined) return { ...nobody, missing: 'tasks', worker: left.worker };
  // Those of registrations come first.
  const [first, ...others] = valueOr(holds, []);
  if (first !== undefined) {
    const { by, reason, operator, since: heldSince, isOfAll } = first;
    if (by !== 'paused') return { state: 'held', by, reason, since: heldSince };
    const more = others.filter((each) => each.by === 'paused');
    const sources = isOfAll ? [] : [first, ...more].map(({ source }) => source);
    return { state: 'paused', sources, reason, by: operator ?? '', since: heldSince ?? since };
  }
  const needs = { inDoubt: valueOr(inDoubt, 0), setAside: valueOr(setAside, 0) };
  if (needs.inDoubt + needs.setAside > 0) return { state: 'needs-you', ...needs };
  // What a run over a list has left never ends where nobody goes on with it.
  const isMoved = busy.some(({ worker, processes }) => processes !== 0 || !isOfEtl(worker));
  if (valueOr(waiting, 0) + open > 0 || isMoved) return { state: 'working' };
  for (const { worker, waiting: its } of valueOr(workers, []))
    if (its?.ok === false) return { state: 'unknown', reason: `${worker}: ${its.error}`, since };
  return { state: 'idle' };
}

const waitingOf = ({ waiting }: WorkerCounts): number => (waiting?.ok === true ? waiting.value : 0);

const valueOr = <T>(tile: Tile<T>, otherwise: T): T =>
  tile.state === 'unknown' ? otherwise : tile.value;

/** Those of registrations first, in the order of a verdict; then pauses of workers, and of everything. */
function allHolds(config: Config, control: Control): Hold[] {
  const endpoint = legacyEndpoint(config);
  const held = holdsOf(control, REGISTRATIONS, endpoint);
  const { pause } = control;
  const own = control.pauses[REGISTRATIONS] ?? pause;
  const ofRegistrations = (['paused', 'breaker', 'limits', 'guard'] as const).flatMap((by) => {
    const reason = held[by];
    if (reason === undefined) return [];
    const isPause = by === 'paused' && own !== null;
    const since = isPause
      ? own.at
      : by === 'breaker'
        ? control.breakers[endpoint.name]?.since
        : null;
    return [
      {
        ...{ source: REGISTRATIONS, by, operator: isPause ? own.by : null },
        reason: isPause ? own.reason : reason,
        since: since === null || since === undefined ? null : new Date(since),
        endsByResume: by === 'paused',
        isOfAll: isPause && control.pauses[REGISTRATIONS] === undefined,
      },
    ];
  });
  const ofWorkers = Object.entries(control.pauses)
    .filter(([source]) => source !== REGISTRATIONS)
    .map(([source, { reason, by, at }]) => pauseHold(source, reason, by, at));
  return [...ofRegistrations, ...ofWorkers];
}

const pauseHold = (source: string, reason: string, operator: string, at: number): Hold => ({
  ...{ source, by: 'paused', reason, operator },
  since: new Date(at),
  endsByResume: true,
  isOfAll: false,
});

const breakersIn = ({ breakers }: Control): Made<typeof breaker>[] =>
  Object.entries(breakers).map(([endpoint, { address, state, reason, trips, since, until }]) => ({
    ...{ endpoint, address, state, reason, trips },
    since: new Date(since),
    nextProbeAt: state === 'open' ? new Date(until) : null,
  }));
