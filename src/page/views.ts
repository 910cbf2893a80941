/** What the page shows of itself: each of these is answered by a GET, and told by `live` (routes.ts) whenever it has changed. */
import { z } from 'zod';
import { LIMITS } from '../domain/limits.ts';
import { count, flow, ms, tile, time } from './kinds.ts';

/** The first that applies, in this order. Texts of others (`reason`) are shown as they are. */
export const verdict = z.discriminatedUnion('state', [
  z.object({ state: z.literal('unknown'), reason: z.string(), since: time }),
  /** Something waits, and nobody takes it, or nobody works on it. */
  z.object({
    state: z.literal('nobody'),
    missing: z.enum(['worker', 'intake', 'tasks']),
    /** Of `tasks`: which nobody runs. */
    worker: z.string().nullable(),
  }),
  z.object({
    state: z.literal('paused'),
    /** None: everything. The rest is said of the first. */
    sources: z.array(flow),
    reason: z.string(),
    by: z.string(),
    since: time,
  }),
  z.object({
    state: z.literal('held'),
    by: z.enum(['breaker', 'limits', 'guard']),
    reason: z.string(),
    since: time.nullable(),
  }),
  /** It works, and a person has to decide something: doubts, or outcomes that were set aside. */
  z.object({ state: z.literal('needs-you'), inDoubt: count, setAside: count }),
  z.object({ state: z.literal('working') }),
  z.object({ state: z.literal('idle') }),
]);

export const hold = z.object({
  source: flow,
  by: z.enum(['paused', 'breaker', 'limits', 'guard']),
  reason: z.string(),
  /** The operator who paused it. */
  operator: z.string().nullable(),
  since: time.nullable(),
  /** Whether somebody has to say `resume`. Else it ends by itself. */
  endsByResume: z.boolean(),
  /** Of everything: it ends when everything is resumed. */
  isOfAll: z.boolean(),
});

export const breaker = z.object({
  endpoint: z.string(),
  address: z.string(),
  state: z.enum(['closed', 'open', 'probing']),
  reason: z.string(),
  /** How often it opened in a row. */
  trips: count,
  since: time,
  /** Of one that is open. */
  nextProbeAt: time.nullable(),
});

/** One minute. Null where nobody knew it: a gap. */
export const minute = z.object({
  at: time,
  perSecond: z.number().nullable(),
  waiting: count.nullable(),
  inFlight: count.nullable(),
  inDoubt: count.nullable(),
  failed: count.nullable(),
  lagP50: ms,
  lagP99: ms,
  legacyP50: ms,
  legacyP99: ms,
});

export const overview = z.object({
  version: z.string(),
  /** As the page was told, such as `production`. */
  environment: z.string().nullable(),
  /** When the collector last looked. */
  at: time,
  verdict,
  /** Of registrations. */
  waiting: tile(count),
  inFlight: tile(count),
  inDoubt: tile(count),
  /** Failed, and neither redriven nor dropped. */
  failed: tile(count),
  setAside: tile(count),
  /** Settled a second, over the last minute. */
  perSecond: tile(z.number()),
  /** Seconds until nothing waits, if nothing more comes; null: nothing was settled of late. */
  clearIn: tile(z.number().nullable()),
  /** From when it was seen done to settled, of the last minute. */
  lag: tile(z.object({ p50: ms, p99: ms })),
  /** From accepted to done, as learned; `yesterday`: what it was at this hour. */
  legacy: tile(
    z.object({ p50: ms, p99: ms, yesterday: z.object({ p50: ms, p99: ms }).nullable() }),
  ),
  holds: tile(z.array(hold)),
  breakers: tile(z.array(breaker)),
  /** The last 60, oldest first. */
  minutes: tile(z.array(minute)),
});

export const worker = z.object({
  worker: flow,
  /** Processes that run it now. Null where they do not say so. */
  processes: count.nullable(),
  /** Null where nobody has said where its messages come from. */
  waiting: tile(count).nullable(),
  open: count,
  running: count.nullable(),
  dead: count,
  perSecond: z.number(),
  paused: z.object({ reason: z.string(), by: z.string(), at: time }).nullable(),
});

export const folder = z.object({
  name: flow,
  path: z.string(),
  /** At the last look of its collector; null where there was none. */
  seen: z
    .object({ at: time, waiting: count, ready: count, underWay: count, passed: count })
    .nullable(),
  isCollected: z.boolean(),
  isPaused: z.boolean(),
  closedBy: z.string().nullable(),
  open: count,
  /** Those that wait for another try, by reason. */
  again: z.array(z.object({ class: z.string(), reason: z.string(), count, since: time })),
  failed: count,
});

export const etlRun = z.object({
  run: flow,
  input: z.string(),
  output: z.string(),
  host: z.string(),
  /** `silent`: nothing was heard of it since `seenAt`, and it had not ended. */
  state: z.enum(['processing', 'silent', 'stopped', 'done']),
  items: count,
  /** By how they ended. */
  counts: z.record(z.string(), count),
  startedAt: time,
  seenAt: time,
});

export const schedule = z.object({
  id: z.string(),
  isPaused: z.boolean(),
  note: z.string(),
  lastAt: time.nullable(),
  nextAt: time.nullable(),
  /** Starts that were missed, and not made up for. */
  missed: count,
});

export const flows = z.object({
  workers: tile(z.array(worker)),
  folders: tile(z.array(folder)),
  etlRuns: tile(z.array(etlRun)),
  schedules: tile(z.array(schedule)),
});

export const group = z.object({
  flow,
  class: z.string(),
  /** Without the numbers and ids in it. */
  reason: z.string(),
  /** Neither redriven nor dropped. */
  waiting: count,
  /** All that MongoDB still knows. */
  total: count,
  firstAt: time,
  lastAt: time,
  lastHour: count,
  redriven: count,
  /** Of those that wait: the legacy system has finished them after they had timed out. */
  finishedLater: count,
  /** Of those that wait: they were no tasks, so that their dead letters alone have them, and nothing can be redriven. */
  letters: count,
});

/** Those of which some wait, the most first. `all`, `waiting`: how many groups there are, and failures in them; the largest 1,000 are told. */
export const groups = z.object({
  groups: tile(z.object({ all: count, waiting: count, largest: z.array(group) })),
});

export const doubt = z.object({
  /** As it may be shown. */
  id: z.string(),
  generation: count,
  submission: count,
  since: time,
  reason: z.string(),
  workflowId: z.string(),
  /** In Temporal Web. */
  link: z.string().nullable(),
});

/** Oldest first, 200 at most; `all`: how many there are. */
export const doubts = z.object({
  doubts: tile(z.object({ all: count, oldest: z.array(doubt) })),
});

export const oneProcess = z.object({
  id: z.string(),
  role: z.enum(['worker', 'intake', 'tasks']),
  host: z.string(),
  pid: count,
  version: z.string(),
  since: time,
  beatAt: time,
  state: z.enum(['alive', 'offline', 'stopped']),
  silentMs: z.number(),
  suffers: z.string().nullable(),
  rssBytes: count.nullable(),
  loopDelayMs: ms,
  sources: z.array(
    z.object({
      name: flow,
      deliveries: count,
      closedBy: z.string().nullable(),
      calls: count.nullable(),
      concurrency: count.nullable(),
    }),
  ),
  endpoints: z.array(
    z.object({
      name: z.string(),
      share: count,
      onTheWire: count,
      waitReason: z.string().nullable(),
    }),
  ),
});

/** The latest beat first. */
export const processes = z.object({ processes: tile(z.array(oneProcess)) });

const limitName = z.enum(LIMITS);

export const limits = z.object({
  limits: tile(
    z.object({
      /** For If-Match. */
      version: z.string(),
      limits: z.array(
        z.object({
          limit: limitName,
          /** null: no limit. */
          inForce: z.number().nullable(),
          configured: z.number().nullable(),
          isSet: z.boolean(),
        }),
      ),
      /** Who set any of them last. */
      set: z.object({ by: z.string(), at: time }).nullable(),
      workers: z.array(z.object({ host: z.string(), pid: count, share: count, onTheWire: count })),
      /** With the legacy system, and not settled; null where it is not counted. */
      inFlight: count.nullable(),
    }),
  ),
});
