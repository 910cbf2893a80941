/** What a log takes, and how an error is told in it; `createLog` is apart, since most commands load without its library. */

export type Level = 'debug' | 'info' | 'warn' | 'error';

/** Pages of docs/runbook, by their names. */
export const PAGES = [
  'audit-does-not-hold',
  'backlog-grows',
  'broker-away',
  'decide-doubts',
  'encryption-key',
  'failure-queue-grows',
  'files-stay',
  'handlers-fail',
  'late-results',
  'legacy-is-down',
  'many-doubts',
  'memory-or-disk',
  'mongodb-away',
  'nothing-moves',
  'process-offline',
  'redis-away',
  'redrive-a-group',
  'report-a-fault',
  'run-stands-still',
  'set-aside',
  'start-warnings',
  'temporal-away',
  'turned-away',
] as const;
export type Page = (typeof PAGES)[number];

/** A warning or an error names the page that says what to do about it. */
export interface Trouble {
  runbook: Page;
  [fact: string]: unknown;
}

/** The four methods the rest of the program may use; a line is an object of facts and a sentence. */
export type Log = Readonly<
  Record<'debug' | 'info', (facts: object, sentence: string) => void> &
    Record<'warn' | 'error', (facts: Trouble, sentence: string) => void>
>;

export const silent: Log = { debug() {}, info() {}, warn() {}, error() {} };

/**
 * The words of an error without the documents that a driver quotes in them: MongoDB tells of `dup key: { _id: "…" }`, and an id
 * may be personal.
 */
export const withoutDocuments = (words: string): string => words.replace(/\{.*\}/gs, '{…}');

/** An error as a line may hold it: its name, its message and a driver's code, nothing else that hangs on it. */
export function errorFacts(error: unknown): { error: string; code?: string } {
  if (!(error instanceof Error)) return { error: withoutDocuments(String(error)) };
  const code: unknown = 'code' in error ? error.code : undefined;
  const isCode = typeof code === 'string' || typeof code === 'number';
  return {
    error: withoutDocuments(`${error.name}: ${error.message}`),
    ...(isCode ? { code: String(code) } : {}),
  };
}

const FOREIGN = new Set<unknown>(['LegacyUnavailable', 'LegacyUnreadable', 'LookUpUnreadable']);
const OWN_WORDS =
  /\b(ECONNREFUSED|ECONNRESET|EPIPE|ETIMEDOUT|ENOTFOUND|EAI_AGAIN|EHOSTUNREACH|ENETUNREACH|UND_ERR_\w+|ERR_(?:TLS|SSL)_\w+|[A-Z_]*CERT_[A-Z_]+|HTTP \d{3})\b/;

/**
 * What Temporal's SDK tells of an activity that failed, as a line may hold it: the legacy system's words, which may be
 * about a person, stay in Temporal (encrypted) and in the journal; of them only a code or a status is told.
 */
export function failureDetail(error: unknown): string {
  const isForeign = error instanceof Error && 'type' in error && FOREIGN.has(error.type);
  const hasWords = error instanceof Error || typeof error === 'string';
  if (!isForeign) return hasWords ? withoutDocuments(String(error)) : '';
  return `${String(error.type)}: ${OWN_WORDS.exec(error.message)?.[1] ?? 'its words are in the failure, in Temporal'}`;
}

/** The first message in what sdk-core writes of a failure, which is Rust's notation: `Failure { message: "…", … }`. */
const CORE_MESSAGE = /\bmessage: "((?:[^"\\]|\\.)*)"/s;

/**
 * What sdk-core tells, with the reason where it brings one: of a failure its message alone, no stack and no payload. Others than
 * sdk-core's own may quote what a run carries.
 */
export function withReason(sentence: string, failure: unknown): string {
  const words = typeof failure === 'string' ? CORE_MESSAGE.exec(failure)?.[1] : undefined;
  if (words === undefined || words === '') return sentence;
  if (!words.startsWith('[TMPRL')) return `${sentence}: the reason is in the history of the run`;
  const plain = words.replace(/\\[nrt]/g, ' ').replace(/\\(.)/g, '$1');
  return `${sentence}: ${withoutDocuments(plain)}`;
}
