/**
 * What the page's server (src/page) and the browser's part (the folder `page`) tell each other, as JSON over the routes of
 * routes.ts: here what is asked for and its answers, in views.ts and action-views.ts what it shows of itself. The browser imports
 * types alone: `Sent<typeof failure>` (kinds.ts) is a value as it stands in JSON. What is not described is not sent.
 */
import { z } from 'zod';
import { LIMITS } from '../domain/limits.ts';
import { count, flow, time } from './kinds.ts';
import { minute } from './views.ts';

/** More than 1,440 are thinned out. */
export const historyQuery = z.object({
  minutes: z.coerce.number().int().min(1).max(43_200).default(60),
});
/** Oldest first. */
export const history = z.object({ minutes: z.array(minute) });

export const failure = z.object({
  flow,
  /** As it may be shown; null for what was no item. */
  id: z.string().nullable(),
  /** The name of its record. */
  record: z.string(),
  class: z.string(),
  /** For viewers without the numbers and ids in it. */
  reason: z.string().nullable(),
  at: time,
  attempts: count,
  generation: count,
  requestId: z.string().nullable(),
  state: z.enum(['waiting', 'redriven', 'dropped', 'taken']),
  goneAt: time.nullable(),
  /** What the legacy system made of it after it had timed out. */
  late: z.object({ status: z.enum(['done', 'failed']), at: time }).nullable(),
});

/** Oldest first. `cursor`: what `next` was of the part before. */
export const failuresQuery = z.object({
  flow,
  class: z.string().max(100).optional(),
  group: z.string().max(1_000).optional(),
  state: z.enum(['waiting', 'redriven', 'dropped', 'taken']).default('waiting'),
  cursor: z.string().max(200).optional(),
  limit: z.coerce.number().int().min(1).max(200).default(50),
});
export const failures = z.object({ failures: z.array(failure), next: z.string().nullable() });

/** In the order in which they happened; what is null is not known, or has no meaning for this kind. */
export const event = z.object({
  at: time.nullable(),
  generation: count,
  kind: z.enum([
    'received',
    /** What was done without an effect is done anew: a file that was gone, and lies there again. */
    'came-again',
    'claimed',
    'submitted',
    'answered',
    'attempt-failed',
    'outcome',
    'settled',
    'set-aside',
    'redriven',
    'dropped',
    'taken',
    'finished-later',
    'conflict',
  ]),
  /** Of `answered`: accepted, refused, unknown …; of `outcome`: registered, rejected …, of a file sent, changed or gone; of `finished-later`: done or failed. */
  as: z.string().nullable(),
  reason: z.string().nullable(),
  /** An operator who said so. */
  by: z.string().nullable(),
  requestId: z.string().nullable(),
  tries: count.nullable(),
  polls: count.nullable(),
  workflowId: z.string().nullable(),
  link: z.string().nullable(),
});

export const item = z.object({
  flow,
  /** As it may be shown. */
  id: z.string(),
  state: z.enum(['open', 'in-doubt', 'ended']),
  events: z.array(event),
  /** Of an open one, as its run says. */
  run: z
    .object({
      state: z.enum(['open', 'closed', 'gone', 'silent', 'unknown']),
      reason: z.string().nullable(),
      phase: z.string().nullable(),
      /** `now`, or a time. */
      nextStepAt: z.string().nullable(),
      polls: count.nullable(),
    })
    .nullable(),
  /** Of the document in MongoDB, the fields that are ours. */
  document: z.record(z.string(), z.string()).nullable(),
  /** Of a failure that waits: it can be redriven, and its message revealed. */
  record: z.string().nullable(),
});

/** By id, request id or workflow id. A problem 404 where nothing is known. */
export const items = z.object({ items: z.array(item) });

export const me = z.object({
  name: z.string(),
  role: z.enum(['viewer', 'operator']),
  /** Names of routes (routes.ts). */
  allowed: z.array(z.string()),
  environment: z.string().nullable(),
  version: z.string(),
  /** Ids are shown as hashes; whoever looks for one types the id, or its hash. */
  areIdsHashed: z.boolean(),
  temporalWeb: z.string().nullable(),
});

export const session = z.object({
  /** For `Authorization: Bearer`; null behind a proxy that signs in. */
  token: z.string().nullable(),
  expiresAt: time.nullable(),
  me,
});

/** RFC 9457, application/problem+json. */
export const problem = z.object({
  type: z.string(),
  title: z.string(),
  status: count,
  /** With the remedy. */
  detail: z.string(),
  instance: z.string(),
  /** Faults of the request, each with a JSON pointer. */
  errors: z.array(z.object({ pointer: z.string(), detail: z.string() })).optional(),
});

/** What is done in time is told with 200; what goes on, with 202 and `Location`. */
export const done = z.object({ text: z.string() });
export const begun = z.object({ id: z.string() });
export const decided = z.object({
  decided: z.array(
    z.object({
      id: z.string(),
      isDone: z.boolean(),
      /** What it became: accepted, resubmit, abandoned …; or why it was not done: refused, ended, unknown, gone, silent … */
      as: z.string(),
      /** The words of a refusal. */
      text: z.string(),
    }),
  ),
});
/** Left where they are: redriven too often, or no failures of ours. */
export const counted = z.object({ selected: count, byClass: z.record(z.string(), count) });
export const revealed = z.object({
  bytes: count,
  contentType: z.string().nullable(),
  headers: z.array(z.string()),
  /** The first 64 KiB; null for what is no text. */
  text: z.string().nullable(),
  isCut: z.boolean(),
});

// ---- Requests

/** Why; kept with what was done. */
const reason = z.string().trim().min(1).max(1_000);
const oneId = z.string().min(1).max(1_000);
const ids = z.array(oneId).max(200);

/** Which failures: those of a group, or the named ones. `group`: a folded reason. */
const chosen = z.strictObject({
  flow,
  class: z.string().max(100).nullable(),
  group: z.string().max(1_000).nullable(),
  /** None for all of the rest. */
  ids,
});

/** `name`: who it is, for what is written down of him. A token that several people have needs one. */
export const openSessionRequest = z.strictObject({
  token: z.string().min(1).max(500),
  name: z.string().trim().min(1).max(100).optional(),
});
/** `GET /actions`: `cursor` is the id of the last one that is known. */
export const actionsQuery = z.object({
  cursor: z.string().max(200).optional(),
  limit: z.coerce.number().int().min(1).max(200).default(50),
});
/** `flow`: null for everything. */
export const pauseRequest = z.strictObject({ flow: flow.nullable(), reason });
export const resumeRequest = z.strictObject({ flow: flow.nullable(), reason });
/** null: no limit; `unset`: the configuration counts again. With If-Match. */
export const limitsRequest = z.strictObject({
  values: z.partialRecord(z.enum(LIMITS), z.number().positive().nullable()),
  unset: z.array(z.enum(LIMITS)),
  reason,
});
/** Several at once only to abandon them. `requestId`: with `confirm`. `doubts`: as they were seen; of one that is another by now it is refused. */
export const decideRequest = z.strictObject({
  decision: z.enum(['confirm', 'resubmit', 'abandon']),
  doubts: z
    .array(z.strictObject({ id: oneId, generation: count, submission: count }))
    .min(1)
    .max(200),
  requestId: z.string().min(1).max(1_000).nullable(),
  reason,
});
export const countRequest = chosen;
/** A problem 409 where it is more than a tenth off what is there by then. */
const expected = { expectedCount: count.min(0) };
export const dropRequest = chosen.extend({ ...expected, reason });
export const redriveRequest = chosen.extend({
  ...expected,
  /** So many first, and the others when those have ended well; null for none. */
  canary: count.min(1).max(1_000).nullable(),
  perSecond: z.number().positive().max(10_000).nullable(),
  reason,
});
export const stopRedriveRequest = z.strictObject({ flow, reason });
export const auditRequest = z.strictObject({ flow, reason });
/** `record`: the name of a failure's record. */
export const revealRequest = z.strictObject({ flow, record: z.string().min(1).max(1_000), reason });
