import { pino } from 'pino';
import { build as pretty } from 'pino-pretty';

/** The four methods the rest of the program may use; a line is an object of facts and a sentence. */
export interface Log {
  debug(facts: object, sentence: string): void;
  info(facts: object, sentence: string): void;
  warn(facts: object, sentence: string): void;
  error(facts: object, sentence: string): void;
}

export interface LogOptions {
  level: string;
  format: 'auto' | 'json' | 'pretty';
}

/**
 * JSON lines on stderr, so that stdout is free for what a command prints; pretty on a terminal. Facts never hold
 * a message's content, a header's value or an address with its password.
 */
export function createLog(role: string, { level, format }: LogOptions): Log {
  const isPretty = format === 'pretty' || (format === 'auto' && process.stderr.isTTY);
  const stream = isPretty
    ? pretty({ destination: 2, sync: true, ignore: 'pid,hostname' })
    : pino.destination({ fd: 2, sync: false });
  return pino({ level, base: { role }, timestamp: pino.stdTimeFunctions.isoTime }, stream);
}

export const silent: Log = { debug() {}, info() {}, warn() {}, error() {} };

/** An error as a line may hold it: its name, its message and a driver's code, nothing else that hangs on it. */
export function errorFacts(error: unknown): { error: string; code?: string } {
  if (!(error instanceof Error)) return { error: String(error) };
  const code: unknown = 'code' in error ? error.code : undefined;
  const isCode = typeof code === 'string' || typeof code === 'number';
  return { error: `${error.name}: ${error.message}`, ...(isCode ? { code: String(code) } : {}) };
}

const WITH_FOREIGN_WORDS = new Set<unknown>([
  'LegacyUnavailable',
  'LegacyUnreadable',
  'LookUpUnreadable',
]);
const OWN_WORDS =
  /\b(ECONNREFUSED|ECONNRESET|EPIPE|ETIMEDOUT|ENOTFOUND|EAI_AGAIN|EHOSTUNREACH|ENETUNREACH|UND_ERR_\w+|ERR_(?:TLS|SSL)_\w+|[A-Z_]*CERT_[A-Z_]+|HTTP \d{3})\b/;

/**
 * What Temporal's SDK tells of an activity that failed, as a line may hold it: the legacy system's words, which may be
 * about a person, stay in Temporal (encrypted) and in the journal; of them only a code or a status is told.
 */
export function failureDetail(error: unknown): string {
  const isForeign = error instanceof Error && 'type' in error && WITH_FOREIGN_WORDS.has(error.type);
  if (!isForeign) return error instanceof Error || typeof error === 'string' ? String(error) : '';
  return `${String(error.type)}: ${OWN_WORDS.exec(error.message)?.[1] ?? 'its words are in the failure, in Temporal'}`;
}
