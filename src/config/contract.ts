// The sections `legacy.submit`, `.poll` and `.lookup`: how the slow system speaks. src/domain/registrations/contract.ts reads
// answers by them.
import { z } from 'zod';
import { isJson, jsonWith } from '../domain/json-text.ts';
import { pathWith, pathOfLocation } from '../domain/path.ts';
import type { Contract } from '../domain/registrations/described.ts';
import { plainId, type IdType } from '../domain/registrations/id-type.ts';
import { mayBeOfAnother } from '../domain/registrations/statuses.ts';
import { wordKey, type Word } from '../domain/registrations/words.ts';
import { finder, isFinder, matcher } from './patterns.ts';
import { duration, text, word } from './values.ts';

const SUBMIT = ['accepted', 'refused', 'not-accepted', 'unknown', 'misconfigured'] as const;
const STATES = ['processing', 'done', 'failed'] as const;
const POLL = ['state', ...STATES, 'result', 'unreadable'] as const;
const LOOK_UP = ['found', 'absent', 'unreadable'] as const;

const STATUS = /^[1-5](\d\d|xx)$/;

function statuses<const M extends string>(
  meanings: readonly [M, ...M[]],
  mayMean: (status: string, meaning: M) => boolean = () => true,
) {
  const example = `a mapping of HTTP statuses to meanings, such as { "409": ${meanings[1] ?? ''} }`;
  const keys = z
    .string()
    .regex(STATUS, 'an HTTP status such as "429" or a class such as "5xx" as the key');
  return z
    .record(keys, word(meanings), example)
    .superRefine((table, context) => {
      for (const [status, meaning] of Object.entries(table)) {
        if (mayMean(status, meaning)) continue;
        const message = `another meaning than ${meaning}: a proxy, or an application that is away, answers so, too`;
        context.addIssue({ code: 'custom', message, path: [status] });
      }
    })
    .readonly()
    .prefault({});
}

const httpPath = /^\/(?!\/)[^\s#]*$/;
const PATH = 'a path beginning with one "/" that contains {id} once';
const BODY = 'JSON in one line that contains {id} once, such as {"protocol": "{id}"}, or null';
const times = (value: string): number => value.split('{id}').length - 1;

/** How the system is asked for an id, which stands in the path, in the body, or in both. */
const asking = {
  method: word(['GET', 'POST']).prefault('GET'),
  body: text(BODY, 10_000)
    .refine((value) => times(value) === 1 && isJson(value.replace('{id}', '7')), BODY)
    .nullable()
    .prefault(null),
};
const pathWithId = () => text(PATH, 1000, httpPath).refine((value) => times(value) <= 1, PATH);

/** @param section `poll` or `lookup` */
function checkAsking(section: string) {
  return (
    { method, path, body }: { method: string; path: string | null; body: string | null },
    context: z.RefinementCtx,
  ): void => {
    const fault = (at: string, message: string, by: string) =>
      context.addIssue({
        code: 'custom',
        message,
        path: [at],
        params: { involves: [`legacy.${section}.${by}`] },
      });
    if (body !== null && method === 'GET')
      fault('body', `null, because legacy.${section}.method is GET`, 'method');
    else if (body === null && path !== null && times(path) === 0) fault('path', PATH, 'body');
  };
}

const POINTER = 'a JSON pointer such as /data/id, or "" for the whole (RFC 6901)';
const pointer = () => z.string(POINTER).regex(/^(\/([^~/]|~[01])*)*$/, POINTER);

const WORD = 'a word: text of 1 to 100 characters, a number, true, false or null';
const scalar = z.union([z.string().min(1).max(100), z.number(), z.boolean(), z.null()], WORD);
const words = (standard: readonly Word[]) => {
  const expected = 'a list of words, such as [processing, queued]';
  return z
    .array(scalar, expected)
    .readonly()
    .prefault([...standard]);
};

const AMBIGUOUS = 'each word once: a word cannot mean two states';

export function areAmbiguous(table: object, ignoreCase: boolean): boolean {
  const all = Object.values(table).flat();
  return new Set(all.map((each) => wordKey(each, ignoreCase))).size < all.length;
}

/** A value that is not there must end nothing. */
function soundWords(
  table: Readonly<Record<string, readonly Word[] | undefined>>,
  mayBeNull: string,
): string | null {
  if (areAmbiguous(table, false)) return AMBIGUOUS;
  const ends = Object.entries(table).filter(([meaning]) => meaning !== mayBeNull);
  return ends.some(([, list]) => list?.includes(null))
    ? `null under ${mayBeNull} alone: it stands for a value that is not there, too`
    : null;
}

const timeout = () => duration('50ms', '5m').nullable().prefault(null);

const submitWords = z
  .partialRecord(
    word(SUBMIT),
    words([]),
    'a mapping of meanings to words, such as { refused: [false] }',
  )
  .readonly();

const FINDER = 'a regular expression from ^ to $ with one group (…), as RE2 reads it, or null';
const HEADER = /^[!#$%&'*+.^_`|~\w-]+$/;

export const submit = z
  .strictObject({
    method: word(['POST', 'PUT', 'PATCH']).prefault('POST'),
    path: text('a path beginning with one "/"', 1000, httpPath).prefault('/registrations'),
    statuses: statuses(SUBMIT),
    state: pointer().nullable().prefault(null),
    words: submitWords.prefault({}),
    // A word that nobody has listed must not let a registration be sent again.
    otherwise: word(['accepted', 'refused', 'unknown']).nullable().prefault(null),
    reason: pointer().prefault('/reason'),
    requestId: pointer().prefault('/id'),
    requestIdHeader: text('the name of a header, or null', 100, HEADER).nullable().prefault(null),
    requestIdWithin: z.string(FINDER).refine(isFinder, FINDER).nullable().prefault(null),
  })
  .superRefine((value, context) => {
    const fault = soundWords(value.words, 'accepted');
    if (fault !== null) context.addIssue({ code: 'custom', message: fault, path: ['words'] });
    for (const unread of ['words', 'otherwise'] as const) {
      const isSet =
        Object.keys(value[unread] ?? {}).length > 0 || typeof value[unread] === 'string';
      if (value.state === null && isSet)
        context.addIssue({
          code: 'custom',
          message:
            'nothing here, because legacy.submit.state is not set: without it no word is read',
          path: [unread],
          params: { involves: ['legacy.submit.state'] },
        });
    }
    const isReadable = (value.words.accepted ?? []).length > 0 || value.otherwise === 'accepted';
    if (value.state !== null && !isReadable)
      context.addIssue({
        code: 'custom',
        message:
          'a word or more, because legacy.submit.state is set: without one nothing is ever accepted',
        path: ['words', 'accepted'],
        params: { involves: ['legacy.submit.state'] },
      });
  })
  .readonly();

export const poll = z
  .strictObject({
    ...asking,
    path: pathWithId().prefault('/registrations/{id}'),
    statuses: statuses(POLL, (status, meaning) =>
      meaning === 'result'
        ? /^[23]/.test(status)
        : meaning === 'unreadable' ||
          (meaning === 'processing' && status === '404') ||
          // Also for "processing": the deadline takes that for a word of the system.
          !mayBeOfAnother(status),
    ),
    state: pointer().prefault('/status'),
    words: z
      .strictObject({
        processing: words(['processing']),
        done: words(['done']),
        failed: words(['failed']),
      })
      .readonly()
      .prefault({}),
    otherwise: word(STATES).nullable().prefault(null),
    reason: pointer().prefault('/reason'),
    requestId: pointer().nullable().prefault('/id'),
    timeout: timeout(),
  })
  .superRefine(checkAsking('poll'))
  .superRefine((value, context) => {
    const fault = soundWords(value.words, 'processing');
    if (fault !== null) context.addIssue({ code: 'custom', message: fault, path: ['words'] });
  })
  .readonly();

/** A success that has a body: what is there says whether there is one. */
const isWithBody = (status: string): boolean => status.startsWith('2') && status !== '204';

export const lookup = z
  .strictObject({
    ...asking,
    path: pathWithId().nullable().prefault(null),
    statuses: statuses(
      LOOK_UP,
      (status, meaning) =>
        meaning === 'unreadable' ||
        status === '404' ||
        !(mayBeOfAnother(status) || (meaning === 'absent' && isWithBody(status))),
    ),
    matches: pointer().prefault(''),
    key: pointer().nullable().prefault('/externalId'),
    requestId: pointer().prefault('/id'),
    after: duration('1s', '30d').prefault('1m'),
    timeout: timeout(),
  })
  .superRefine(checkAsking('lookup'))
  .readonly();

interface Described {
  readonly legacyUrl: string;
  readonly mongodb: { readonly matchType: IdType };
  readonly legacy: {
    readonly submit: z.output<typeof submit>;
    readonly poll: z.output<typeof poll>;
    readonly lookup: z.output<typeof lookup>;
    readonly ignoreCase: boolean;
    readonly requestIdPattern: string;
    readonly sentQuery: ReadonlyMap<string, unknown>;
  };
}

/** What is written there, ready to read answers by. */
export function contractOf({ legacyUrl, legacy, mongodb }: Described): Contract {
  const { submit, poll, lookup, ignoreCase } = legacy;
  const within = submit.requestIdWithin;
  return {
    submit: { ...submit, ignoreCase },
    poll: { ...poll, ignoreCase },
    lookup: { ...lookup, plain: (id) => plainId(id, mongodb.matchType) },
    isRequestId: requestIdReader(legacy),
    requestIdWithin: within === null ? null : finder(within),
    pathOf: (location, asked) => pathOfLocation(location, legacyUrl + asked),
    isSentQuery: (name) => legacy.sentQuery.has(name),
    prefix: new URL(legacyUrl).pathname.replace(/\/$/, ''),
  };
}

/** Longer ones fit into no path that servers take. */
const LONGEST = 1_000;

/**
 * Whether a text is a request id from its beginning to its end, and may stand in the path and the body of a poll, whatever the
 * pattern leaves open. Of what could not be decoded nobody knows what it was.
 */
export function requestIdReader({
  requestIdPattern,
  poll,
}: {
  readonly requestIdPattern: string;
  readonly poll: { readonly path: string; readonly body: string | null };
}): (text: string) => boolean {
  const matches = matcher(requestIdPattern);
  return (text) =>
    text.length <= LONGEST &&
    !text.includes('\ufffd') &&
    matches(text) &&
    pathWith(poll.path, text) !== null &&
    (poll.body === null || jsonWith(poll.body, text) !== null);
}
