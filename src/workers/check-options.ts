/** The options of a worker, checked as a whole: JavaScript has no compiler, and TypeScript without a build step asks none. */
import { didYouMean, nearestName } from '../domain/nearest-name.ts';
import { milliseconds } from '../runtime/duration.ts';

/** Thrown with everything that is wrong with a definition; `message` has one line for each fault. */
export class WorkerDefinitionError extends Error {
  override readonly name = 'WorkerDefinitionError';

  constructor(worker: string, faults: readonly string[]) {
    super([`the definition of the worker ${worker} is wrong:`, ...faults].join('\n  '));
  }
}

interface Check {
  expected: string;
  fits(value: unknown): boolean;
}

interface Shape {
  [option: string]: Check | Shape;
}

const isText = (value: unknown): value is string => typeof value === 'string';
const isRecord = (value: unknown): value is Record<string, unknown> =>
  typeof value === 'object' && value !== null && !Array.isArray(value);

const matching = (expected: string, pattern: RegExp): Check => ({
  expected,
  fits: (value) => isText(value) && pattern.test(value),
});
const whole = (min: number, max: number): Check => ({
  expected: `a whole number from ${min} to ${max}`,
  fits: (value) => Number.isInteger(value) && Number(value) >= min && Number(value) <= max,
});
const duration = (min: string, max: string): Check => ({
  expected: `a duration with its unit from ${min} to ${max}, such as 20ms, 10s, 5m or 7d`,
  fits: (value) =>
    isText(value) &&
    milliseconds(value) >= milliseconds(min) &&
    milliseconds(value) <= milliseconds(max),
});
const word = (...words: unknown[]): Check => ({
  expected: `one of ${words.join(', ')}`,
  fits: (value) => words.includes(value),
});
const call: Check = { expected: 'a function', fits: (value) => typeof value === 'function' };
const schema: Check = {
  expected: 'a Standard Schema, such as one of zod, valibot or arktype',
  fits: (value) =>
    ((typeof value === 'object' && value !== null) || typeof value === 'function') &&
    '~standard' in value,
};
const channel: Check = {
  expected: "a channel, such as kafka('emails') or rabbitmq('emails')",
  fits: (value) =>
    isRecord(value) &&
    isText(value['broker']) &&
    isText(value['name']) &&
    /^[^\s\p{Cc}]{1,249}$/u.test(value['name']),
};
const handlers: Check = {
  expected: 'an object with a handler by on(schema, handle) for each type',
  fits: (value) =>
    isRecord(value) &&
    Object.keys(value).length > 0 &&
    Object.values(value).every((each) => isRecord(each) && call.fits(each['handle'])),
};

const RETENTION = duration('1s', '3650d');

const SHAPE: Shape = {
  name: matching(
    'a name of letters, digits, dots, - and _, with a letter first (at most 80 characters)',
    /^[A-Za-z][\w.-]{0,79}$/,
  ),
  from: channel,
  to: channel,
  deadLetters: matching('the name of a queue or topic', /^[^\s\p{Cc}]{1,249}$/u),
  message: schema,
  handle: call,
  handlers,
  typeField: matching('the name of a field', /^[^\p{Cc}]{1,100}$/u),
  handleBatch: call,
  batch: {
    // A source holds some 2,000 messages at once: a larger batch would never be full.
    size: whole(1, 1_000),
    wait: duration('0s', '1h'),
    whenItThrows: word('bisect', 'retry'),
  },
  concurrency: whole(1, 10_000),
  timeout: duration('1ms', '7d'),
  ordering: word('none', 'key'),
  retry: {
    max: whole(0, 1_000),
    backoff: word('fixed', 'linear', 'exponential'),
    delay: duration('0s', '30d'),
    cap: duration('0s', '30d'),
    jitter: word(true, false),
  },
  result: { keepFor: RETENTION, keepFailuresFor: RETENTION },
  isolate: word(true, false),
  idFrom: call,
  keyFrom: call,
  classify: call,
  onSuccess: call,
  onRetry: call,
  onError: call,
};

/** @throws WorkerDefinitionError */
export function checkOptions(options: object): void {
  const given: Record<string, unknown> = { ...options };
  const faults = faultsIn(given, SHAPE, '');
  if (given['name'] === undefined) faults.unshift('name: expected a name, got nothing');
  const ways = ['handle', 'handlers', 'handleBatch'].filter((way) => given[way] !== undefined);
  if (ways.length !== 1) {
    const got = ways.length === 0 ? 'none of them' : ways.join(' and ');
    faults.push(`expected one of handle, handlers and handleBatch, got ${got}`);
  }
  faults.push(...misplaced(given, ways[0]));
  if (faults.length > 0)
    throw new WorkerDefinitionError(isText(given['name']) ? given['name'] : '(no name)', faults);
}

/** Options that have no effect beside this way to handle messages. */
function misplaced(given: Record<string, unknown>, way: string | undefined): string[] {
  const needs = {
    batch: ['handleBatch'],
    typeField: ['handlers'],
    message: ['handle', 'handleBatch'],
  };
  const wrong = Object.entries(needs).flatMap(([option, ways]) =>
    given[option] !== undefined && way !== undefined && !ways.includes(way)
      ? [`${option}: has no effect without ${ways.join(' or ')}`]
      : [],
  );
  const isBare = way === 'handleBatch' && !isRecord(given['batch']);
  return isBare ? [...wrong, 'batch: expected at least { size }, got nothing'] : wrong;
}

function faultsIn(given: Record<string, unknown>, shape: Shape, path: string): string[] {
  return Object.entries(given).flatMap(([name, value]) => {
    const rule = Object.hasOwn(shape, name) ? shape[name] : undefined;
    if (value === undefined) return [];
    if (rule === undefined) return [path + noOption(name, Object.keys(shape))];
    if (isCheck(rule))
      return rule.fits(value)
        ? []
        : [`${path}${name}: expected ${rule.expected}, got ${shown(value)}`];
    return isRecord(value)
      ? faultsIn(value, rule, `${path}${name}.`)
      : [`${path}${name}: expected an object, got ${shown(value)}`];
  });
}

/** @throws TypeError that says what was probably meant: an option that is not known would do nothing */
export function refuseUnknown(call: string, given: object, known: readonly string[]): void {
  const unknown = Object.keys(given).filter((name) => !known.includes(name));
  if (unknown.length > 0)
    throw new TypeError(`${call}: ${unknown.map((name) => noOption(name, known)).join('; ')}`);
}

/** The fault of an option that is not known. */
export function noOption(name: string, known: readonly string[]): string {
  const meant = nearestName(name, known) ?? known.find((each) => isWithin(each, name));
  const all = known.length === 0 ? 'there are none' : `known are ${known.join(', ')}`;
  return `${name}: is no option (${didYouMean(meant) ?? all})`;
}

/** Whether one is a part of the other: `group` of `group_id`, `retryAfter` of `after`. */
function isWithin(one: string, other: string): boolean {
  const [a, b] = [one.toLowerCase(), other.toLowerCase()];
  return Math.min(a.length, b.length) >= 4 && (a.includes(b) || b.includes(a));
}

const isCheck = (rule: Check | Shape): rule is Check => typeof rule['fits'] === 'function';

function shown(value: unknown): string {
  if (isText(value)) return JSON.stringify(value.slice(0, 60));
  if (typeof value === 'number' || typeof value === 'boolean') return String(value);
  return value === null
    ? 'null'
    : Array.isArray(value)
      ? 'a list'
      : `a value of type ${typeof value}`;
}
