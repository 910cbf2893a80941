/** Views of what operators did, and of what goes on by it (views.ts has the others). */
import { z } from 'zod';
import { count, flow, tile, time } from './kinds.ts';

export const action = z.object({
  id: z.string(),
  at: time,
  by: z.string(),
  via: z.enum(['page', 'cli']),
  role: z.string().nullable(),
  /** As a command is called: `pause`, `failures redrive`. */
  what: z.string(),
  on: z.string().nullable(),
  reason: z.string().nullable(),
  /** Null while it goes on, and where its process ended before it could say. */
  result: z.object({ at: time, isDone: z.boolean(), text: z.string() }).nullable(),
});

/** The latest first. */
export const actions = z.object({ actions: tile(z.array(action)), next: z.string().nullable() });

/** A redrive: a worker does it, and goes on whoever looks. */
export const operation = action.extend({
  flow,
  /** `unknown`: it has not said how it ended, and Temporal cannot be asked. */
  state: z.enum(['running', 'ended', 'unknown']),
  /** Why it is unknown. */
  unasked: z.string().nullable(),
  /** Without one nothing is sent, and nothing is stopped. */
  isWorkerAlive: z.boolean(),
  sent: count,
  /** Null where there are none, or they were not chosen yet. `outcomes`: how many ended how. */
  canaries: z
    .object({ of: count, settled: count, outcomes: z.record(z.string(), count) })
    .nullable(),
  /** They did not end well: the others were left. */
  isStoppedByCanaries: z.boolean(),
  /** Of its order, to begin it again. */
  order: z.object({ class: z.string().nullable(), group: z.string().nullable() }).nullable(),
});

/** The latest 20, and all that run. */
export const operations = z.object({ operations: tile(z.array(operation)) });

export const auditRun = action.extend({
  flow,
  isRunning: z.boolean(),
  /** Null until it is there. */
  report: z
    .object({
      holds: z.boolean(),
      /** In the order in which they are told: `registered`, `failed`, `lost` …; null where that cannot be said. */
      sums: z.array(z.object({ name: z.string(), count: count.nullable() })),
      findings: z.array(
        z.object({
          kind: z.string(),
          count,
          /** 20 at most; ids as they may be shown. */
          some: z.array(z.object({ id: z.string(), what: z.string() })),
        }),
      ),
    })
    .nullable(),
});

/** The latest 20. */
export const audits = z.object({ audits: tile(z.array(auditRun)) });
