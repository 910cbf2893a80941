/** Names that two parts of the program must agree on. Ids are made here, never concatenated elsewhere. */

/** Of this program, as package.json has it. */
export const VERSION = '0.1.0';

/** Names of our own collections begin so, and `mongodb.collection` may not. */
export const OWN_PREFIX = 'despachante_';

/** The endpoint of registrations, for its breaker, limits and shares. */
export const LEGACY = 'legacy';
/** The source of registrations, which can be paused. */
export const REGISTRATIONS = 'registrations';

export const WORKFLOW_TYPE = 'registrations';
export const TASKS_TYPE = 'tasks';
export const SWEEP_TYPE = 'sweep';
export const REDRIVE_TYPE = 'redrive';
export const ETL_TYPE = 'etl';
export const QUERY_REGISTRATIONS = 'registrations';
export const QUERY_TASKS = 'tasks';
export const UPDATE_MORE = 'more';

/** Search attributes (see docs/reference/temporal-web.md). SQL visibility allows three of the type KeywordList: two are used. */
export const ATTRIBUTE_IDS = 'ItemIds';
export const ATTRIBUTE_OUTCOMES = 'Outcomes';

/** A longer list of ids is left out: the server takes 2,048 bytes (measured, docs/decisions/0006-search-attributes.md). */
export const ATTRIBUTE_BYTES = 1_800;

/** Headers of a failure record. A delivery that carries them may be a redrive (src/domain/registrations/admission.ts). */
export const HEADER = {
  class: 'x-despachante-class',
  reason: 'x-despachante-reason',
  at: 'x-despachante-at',
  attempts: 'x-despachante-attempts',
  /** How often the registration had been redriven when it failed: its generation, from 0. */
  generation: 'x-despachante-generation',
  /** The queue it came from. */
  origin: 'x-despachante-origin',
  /** The claim; none for a malformed delivery. */
  item: 'x-despachante-item',
  requestId: 'x-despachante-request-id',
  /** Workflow id. */
  run: 'x-despachante-run',
  /** The secret of the claim, which tells a redrive from a forged one. */
  token: 'x-despachante-token',
  /** Of a message over RabbitMQ, which has no keys of its own. */
  key: 'x-despachante-key',
  /** Its handler is not called before; epoch ms. */
  notBefore: 'x-despachante-not-before',
  /** What of the publisher's properties could not be kept. */
  dropped: 'x-despachante-dropped',
} as const;

/** Properties and headers of the publisher that would do something if a failure record had them in their own place. */
export const ORIGINAL = {
  expiration: 'x-despachante-original-expiration',
  userId: 'x-despachante-original-user-id',
  cc: 'x-despachante-original-cc',
  bcc: 'x-despachante-original-bcc',
} as const;

/** `_id` of a claim. The generation never holds a `~`, so the last one splits the key whatever the id contains. */
export const claimKey = (id: string, generation: number): string => `${id}~${generation}`;

/** `_id` of the claim that keeps the bytes of a delivery whose id was taken by another body. */
export const conflictKey = (id: string, generation: number, bodyHash: string): string =>
  `${claimKey(id, generation)}!${bodyHash.slice(0, 16)}`;

/** Null when the text is neither a `claimKey` nor a `conflictKey`. */
export const readClaimKey = (
  key: string,
): { id: string; generation: number; conflict: boolean } | null => {
  const [, id, generation, hash] = /^(.*)~(\d+)(![0-9a-f]{16})?$/s.exec(key) ?? [];
  if (id === undefined) return null;
  return { id, generation: Number(generation), conflict: hash !== undefined };
};

/** `_id` of a journal entry: the n-th submission under a claim, from 1. */
export const entryKey = (claim: string, n: number): string => `${claim}#${n}`;

export const claimOfEntry = (entry: string): string => entry.slice(0, entry.lastIndexOf('#'));

export const entryNumber = (entry: string): number =>
  Number(entry.slice(entry.lastIndexOf('#') + 1));

export const nextEntry = (entry: string): string =>
  entryKey(claimOfEntry(entry), entryNumber(entry) + 1);

export const entryBefore = (entry: string): string | null =>
  entryNumber(entry) > 1 ? entryKey(claimOfEntry(entry), entryNumber(entry) - 1) : null;

/** The operator in the journal where the look-up in the legacy system decided. */
export const LOOK_UP = 'look-up';

/** Of the Schedule, and of the workflow it starts. */
export const sweepScheduleId = (taskQueue: string): string => `sweep/${taskQueue}`;

/** One redrive at a time for the failures of a worker, or of a failure queue of registrations. */
export const redriveId = (taskQueue: string, failures: string): string =>
  `redrive/${taskQueue}/${failures}`;

/** The name of a failure record, the same for all its copies. */
export const failureName = (claim: string, kind: string): string => `${claim}:${kind}`;

/** The claim in a `failureName`, or null when the text is none of this class. */
export const claimOfFailure = (name: string, kind: string): string | null =>
  name.endsWith(`:${kind}`) ? name.slice(0, -kind.length - 1) : null;

/** For a malformed delivery, which has no claim. */
export const malformedKey = (bodyHash: string): string => `malformed!${bodyHash.slice(0, 16)}`;

/** Of the runs of a worker, and of what they do to its claims. */
export const workerQueue = (taskQueue: string, worker: string): string => `${taskQueue}/${worker}`;

/** Of the calls of its handlers: a worker's other steps must not wait behind them. */
export const handleQueue = (ofWorker: string): string => `${ofWorker}/handle`;

/** `registrations/ana-1+99/4f1c…`. Temporal's limit is 1,000 bytes, but SQL stores keep 255 characters: a long id is cut. */
export const workflowId = (flow: string, labels: readonly string[], unique: string): string => {
  const first = (labels[0] ?? 'none').slice(0, 120);
  const more = labels.length > 1 ? `+${labels.length - 1}` : '';
  return `${flow}/${first}${more}/${unique}`;
};
