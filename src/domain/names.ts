/** Every name that two parts of the program must agree on. Ids are functions here, never concatenated elsewhere. */

/** Of this program, as package.json has it. */
export const VERSION = '0.1.0';

/** Names of our own collections begin so, and `mongodb.collection` may not. */
export const OWN_PREFIX = 'despachante_';

/** The endpoint that registrations are filed with: breaker, limits and shares are kept under this name. */
export const LEGACY = 'legacy';
/** The source that registrations come from: what can be paused. */
export const REGISTRATIONS = 'registrations';

export const WORKFLOW_TYPE = 'registrations';
export const SWEEP_TYPE = 'sweep';
export const REDRIVE_TYPE = 'redrive';
export const QUERY_REGISTRATIONS = 'registrations';

/** Search attributes (see docs/operations.md). SQL visibility allows three of the type KeywordList: two are used. */
export const ATTRIBUTE_IDS = 'ItemIds';
export const ATTRIBUTE_OUTCOMES = 'Outcomes';

/**
 * The server refuses a start whose search attribute is longer than 2,048 bytes (measured, see
 * docs/decisions/0006-search-attributes.md), so the list of ids is left out beyond this budget.
 */
export const ATTRIBUTE_BYTES = 1_800;

/**
 * Headers of a failure record. No publisher's header is touched for them. A delivery that carries them may be a redrive:
 * the claim decides (src/domain/registrations/admission.ts).
 */
export const HEADER = {
  class: 'x-despachante-class',
  reason: 'x-despachante-reason',
  at: 'x-despachante-at',
  attempts: 'x-despachante-attempts',
  /** How often the registration had been redriven when it failed: its generation, from 0. */
  generation: 'x-despachante-generation',
  /** The queue it came from. */
  origin: 'x-despachante-origin',
  /** The claim it is about; none for what is malformed. */
  item: 'x-despachante-item',
  requestId: 'x-despachante-request-id',
  /** Workflow id. */
  run: 'x-despachante-run',
  /** The secret of the claim, by which a redrive is told from a forged one. */
  token: 'x-despachante-token',
  /** What of the publisher's properties could not be kept. */
  dropped: 'x-despachante-dropped',
} as const;

/** What a publisher has set and a failure record cannot have in its own place, since it would do something there. */
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

/** What `claimKey` and `conflictKey` were made of, or null when the text is no such key. */
export const readClaimKey = (
  key: string,
): { id: string; generation: number; conflict: boolean } | null => {
  const [, id, generation, hash] = /^(.*)~(\d+)(![0-9a-f]{16})?$/s.exec(key) ?? [];
  if (id === undefined) return null;
  return { id, generation: Number(generation), conflict: hash !== undefined };
};

/** `_id` of a journal entry: the n-th submission under a claim, from 1. */
export const entryKey = (claim: string, n: number): string => `${claim}#${n}`;

/** The claim a journal entry was opened under. */
export const claimOfEntry = (entry: string): string => entry.slice(0, entry.lastIndexOf('#'));

/** The number n of a journal entry. */
export const entryNumber = (entry: string): number =>
  Number(entry.slice(entry.lastIndexOf('#') + 1));

/** The journal entry after a given one: only an operator's word, or `onUnknown: resubmit`, asks for it. */
export const nextEntry = (entry: string): string =>
  entryKey(claimOfEntry(entry), entryNumber(entry) + 1);

/** The journal entry before a given one, or null for the first. */
export const entryBefore = (entry: string): string | null =>
  entryNumber(entry) > 1 ? entryKey(claimOfEntry(entry), entryNumber(entry) - 1) : null;

/** Stands for the operator in the journal where the look-up in the legacy system decided. */
export const LOOK_UP = 'look-up';

/** Id of the Schedule that sweeps, and of the workflow it starts: one for all workers of a task queue. */
export const sweepScheduleId = (taskQueue: string): string => `sweep/${taskQueue}`;

/** Id of the workflow that redrives: one at a time for a failure queue. */
export const redriveId = (taskQueue: string, failureQueue: string): string =>
  `redrive/${taskQueue}/${failureQueue}`;

/** The name of a failure record: the same for every wire copy of one logical record. */
export const failureName = (claim: string, kind: string): string => `${claim}:${kind}`;

/** The claim in a `failureName`, or null when the text is none of this class. */
export const claimOfFailure = (name: string, kind: string): string | null =>
  name.endsWith(`:${kind}`) ? name.slice(0, -kind.length - 1) : null;

/** What stands for the claim of a malformed delivery, which has none: the beginning of its SHA-256, hex. */
export const malformedKey = (bodyHash: string): string => `malformed!${bodyHash.slice(0, 16)}`;

/**
 * Workflow ids say what they carry and are unique per run: `registrations/ana-1+99/4f1c…`.
 * Temporal's limit is 1,000 bytes; SQL stores keep 255 characters, so a long id is cut.
 */
export const workflowId = (labels: readonly string[], unique: string): string => {
  const first = (labels[0] ?? 'none').slice(0, 120);
  const more = labels.length > 1 ? `+${labels.length - 1}` : '';
  return `registrations/${first}${more}/${unique}`;
};
