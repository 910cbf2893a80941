// The section `legacy`: where the slow system is, how it speaks, and how patient we are with it.
import { z } from 'zod';
import { tls } from './tls.ts';
import { isRequestIdPattern } from './request-id-pattern.ts';
import { duration, field, flag, numbers, text, whole, word } from './values.ts';

const PATTERN =
  'a regular expression from ^ to $ as RE2 reads it: without (?=…), (?!…), (?<=…), (?<!…) and \\1, and no number above 1000 in {}';

const statusWord = () => text('a status word', 100);
const statusWords = z
  .strictObject({
    processing: words('processing'),
    done: words('done'),
    failed: words('failed'),
  })
  .refine(({ processing, done, failed }) => distinct([...processing, ...done, ...failed]), {
    error: 'each word once: a word cannot mean two states',
  })
  .readonly();

function words(standard: string) {
  const expected = 'a list of one or more status words, such as [processing, queued]';
  return z.array(statusWord(), expected).min(1, expected).readonly().prefault([standard]);
}

function distinct(list: readonly string[]): boolean {
  return new Set(list).size === list.length;
}

const expectedLatency = z
  .strictObject({
    min: duration('1ms', '7d').prefault('10s'),
    max: duration('1ms', '7d').prefault('20s'),
  })
  .refine((value) => value.min < value.max, {
    error: 'more than legacy.expectedLatency.min',
    path: ['max'],
    params: { involves: ['legacy.expectedLatency.min'] },
  })
  .readonly();

const submitStatuses = z
  .record(
    z
      .string()
      .regex(
        /^[1-5](\d\d|xx)$/,
        'an HTTP status such as "429" or a class such as "5xx" as the key',
      ),
    word(['accepted', 'not-accepted', 'refused', 'unknown', 'misconfigured']),
    'a mapping of HTTP statuses to what they mean, such as { "409": refused }',
  )
  .readonly();

/** See src/outbound/breaker.ts. A share of failures in percent, since a number between 0 and 1 invites to write 50. */
const breaker = z
  .strictObject({
    enabled: flag().prefault(true),
    threshold: whole(1, 100).prefault(50),
  })
  .readonly();

const httpPath = /^\/(?!\/)[^\s#]*$/;
const pointer = () =>
  z
    .string('a JSON pointer such as /items, or "" for the whole')
    .regex(
      /^(\/([^~/]|~[01])*)*$/,
      'a JSON pointer such as /items/0, or "" for the whole (RFC 6901)',
    );
const pathWithId = () =>
  text('a path beginning with one "/" that contains {id} once', 1000, httpPath).refine(
    (value) => value.split('{id}').length === 2,
    'a path that contains {id} once',
  );

const lookup = z
  .strictObject({
    path: pathWithId().nullable().prefault(null),
    matches: pointer().prefault(''),
    key: pointer().nullable().prefault('/externalId'),
    requestId: pointer().prefault('/id'),
    after: duration('1s', '30d').prefault('1m'),
  })
  .readonly();

// The rest of the section may be wrong: these faults are to be told together with the others.
const looksNowhere = z.object({
  onUnknown: z.literal('lookup'),
  lookup: z.object({ path: z.null() }),
});
const settling = z.object({ timeout: z.number(), lookup: z.object({ after: z.number() }) });

/** The settings of the legacy system, see despachante.example.yaml for what each is for. */
export const legacy = z
  .strictObject({
    submitPath: text('a path beginning with one "/"', 1000, httpPath).prefault('/registrations'),
    statusPath: pathWithId().prefault('/registrations/{id}'),
    requestIdField: field().prefault('id'),
    statusField: field().prefault('status'),
    reasonField: field().prefault('reason'),
    // A request id goes into a path, so what is not known to be harmless there is refused.
    requestIdPattern: z
      .string(PATTERN)
      .refine(isRequestIdPattern, PATTERN)
      .prefault('^[A-Za-z0-9._~-]{1,128}$'),
    statusWords: statusWords.prefault({}),
    submitStatuses: submitStatuses.prefault({}),
    timeout: duration('50ms', '5m').prefault('10s'),
    maxConcurrent: whole(1, 10_000).prefault(256),
    maxSubmitsPerSecond: whole(1, 100_000).nullable().prefault(null),
    maxGetsPerSecond: whole(1, 100_000).nullable().prefault(null),
    maxInFlight: whole(1, 10_000_000).nullable().prefault(null),
    breaker: breaker.prefault({}),
    expectedLatency: expectedLatency.prefault({}),
    maxGetsPerRegistration: whole(1, 100).prefault(10),
    deadline: duration('10ms', '365d').prefault('1h'),
    maxOpen: duration('10ms', '365d').prefault('7d'),
    onUnknown: word(['ask', 'lookup', 'resubmit']).prefault('ask'),
    uniqueRequestIds: flag().prefault(true),
    lookup: lookup.prefault({}),
    tls: tls('legacy'),
  })
  .refine((value) => value.onUnknown !== 'lookup' || value.lookup.path !== null, {
    error: 'a path such as "/registrations?externalId={id}", because legacy.onUnknown is lookup',
    path: ['lookup', 'path'],
    params: { involves: ['legacy.onUnknown'] },
    when: ({ value }) => looksNowhere.safeParse(value).success,
  })
  .refine((value) => value.lookup.after >= value.timeout, {
    error: 'at least legacy.timeout: until then the POST may still arrive',
    path: ['lookup', 'after'],
    params: { involves: ['legacy.timeout'] },
    when: ({ value }) => settling.safeParse(value).success,
  })
  .refine((value) => value.maxOpen >= value.deadline, {
    error: 'at least legacy.deadline',
    path: ['maxOpen'],
    params: { involves: ['legacy.deadline'] },
    when: ({ value }) => numbers(value, 'maxOpen', 'deadline'),
  });
