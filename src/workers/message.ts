/** From the bytes of a delivery to the message that a handler takes. No fault quotes the message: it may be about a person. */
import type { Ended } from './call.ts';
import type { Issue, Schema } from './schema.ts';
import type { InBatches, One, Work } from './worker.ts';

export type Refused = Extract<Ended, { kind: 'failed' }>;

export interface Read {
  kind: 'read';
  message: unknown;
  by: One | InBatches;
}

/** @param body base64 @param encoding as its publisher has named it */
export async function readMessage(
  work: Work,
  body: string,
  encoding?: string,
): Promise<Read | Refused> {
  const parsed = parse(body, encoding);
  if (parsed.kind === 'failed') return parsed;
  const by = work.kind === 'by-type' ? routeOf(work, parsed.value) : work;
  if (by.kind === 'failed') return by;
  if (by.schema === null) return { kind: 'read', message: parsed.value, by };
  const checked = await accepted(by.schema, parsed.value);
  return checked.kind === 'failed' ? checked : { ...checked, by };
}

const refused = (failure: 'malformed' | 'unknown-type', kind: string, reason: string): Refused => ({
  kind: 'failed',
  failure,
  class: kind,
  reason,
});

const utf8 = new TextDecoder('utf-8', { fatal: true });

/** Publishers in Python name the charset there. */
const PLAIN = /^(?:utf-?8|us-ascii|binary|identity)$/i;
const ENCODED =
  ', and its content-encoding is {}: handlers get JSON in UTF-8, so publish it without';

/** A body of no bytes, as Kafka's tombstones have it, is `null`. */
function parse(body: string, encoding?: string): { kind: 'parsed'; value: unknown } | Refused {
  const bytes = Buffer.from(body, 'base64');
  if (bytes.length === 0) return { kind: 'parsed', value: null };
  try {
    return { kind: 'parsed', value: JSON.parse(utf8.decode(bytes)) };
  } catch (error) {
    const what = error instanceof SyntaxError ? 'JSON' : 'UTF-8';
    const isPlain = encoding === undefined || PLAIN.test(encoding);
    const told = isPlain ? '' : ENCODED.replace('{}', shownName(encoding));
    return refused('malformed', 'not-json', `the body is no ${what}${told}`);
  }
}

function routeOf({ field, routes }: Extract<Work, { kind: 'by-type' }>, value: unknown) {
  const type: unknown =
    typeof value === 'object' && value !== null ? Reflect.get(value, field) : undefined;
  const known = [...routes.keys()].join(', ');
  const route = typeof type === 'string' ? routes.get(type) : undefined;
  if (route !== undefined) return route;
  return refused(
    'unknown-type',
    'unknown-type',
    type === undefined
      ? `the message has no field ${field}, which names its type: ${known}`
      : `no handler takes the type ${shownName(type)} of the field ${field}, only ${known}`,
  );
}

async function accepted({ '~standard': { validate } }: Schema, value: unknown) {
  const answer = await validate(value);
  if (answer.issues === undefined) return { kind: 'read' as const, message: answer.value };
  const paths = [...new Set(answer.issues.map(pathOf))];
  const more = paths.length > MOST_PATHS ? ` and ${paths.length - MOST_PATHS} more` : '';
  const where = `${paths.slice(0, MOST_PATHS).join(', ')}${more}`;
  return refused('malformed', 'schema', `the schema does not accept ${where}`);
}

const MOST_PATHS = 5;

function pathOf({ path = [] }: Issue): string {
  const names = path.map((step) => shownName(typeof step === 'object' ? step.key : step));
  return names.length === 0 ? 'the message as a whole' : `/${names.join('/')}`;
}

/** A name that somebody's data may be is not shown. */
const shownName = (name: unknown): string =>
  /^([A-Za-z_][\w-]{0,29}|\d{1,6})$/.test(String(name)) ? String(name) : '(not shown)';
