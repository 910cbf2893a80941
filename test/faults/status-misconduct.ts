/** The ways in which a legacy system can answer a GET, and what must come of each. */
import { gzipSync } from 'node:zlib';
import {
  ANOTHER_TIME,
  HTML,
  html,
  bare,
  bomb,
  cut,
  cutChunked,
  done,
  drip,
  flood,
  hangUp,
  head,
  lastOfConnection,
  nothing,
  plain,
  processing,
  redirect,
  reset,
  sent,
  state,
  utf16,
  whole,
} from './answers.ts';
import type { Answer } from './hostile.ts';
import type { Misconduct } from './misconduct.ts';

/** A GET that cannot be read: asked again, and no POST for it. */
const unread = (what: string, ...gets: Answer[]): Misconduct => ({
  what: `GET: ${what}`,
  gets,
  end: 'registered',
  sends: 1,
});

export const ON_STATUS: Misconduct[] = [
  ...[400, 401, 404, 410, 500, 502].map((status) =>
    unread(`${status}, three times`, ...Array<Answer>(3).fill(plain(status, '{}'))),
  ),
  unread('429 with Retry-After', plain(429, '{}', { 'retry-after': '1' })),
  unread('503 without Retry-After', plain(503, '{}'), plain(503, '{}')),
  unread('a redirect', redirect(302)),
  unread('an HTML page', plain(200, HTML, html)),
  unread(
    'the right JSON as text/plain',
    plain(200, state('done'), { 'content-type': 'text/plain' }),
  ),
  unread('an empty body', plain(200, '')),
  unread('204', plain(204, '')),
  unread(
    'half a JSON object',
    plain(200, ({ requestId }) => `{"id":"${requestId}","sta`),
  ),
  unread('an answer that is cut in its middle', cut(200)),
  unread('a chunked answer that is cut', cutChunked(200)),
  unread('the status of another registration', plain(200, bare({ id: 'REQ-x', status: 'done' }))),
  unread('a failure of another registration', plain(200, bare({ id: 'REQ-x', status: 'failed' }))),
  unread('a number as the id', plain(200, bare({ id: 7, status: 'failed' }))),
  unread('a word nobody knows', plain(200, state('CONCLUÍDO?'))),
  unread('the word in capitals', plain(200, state('FAILED'))),
  unread('the word with a blank', plain(200, state('failed '))),
  unread('a status that is a number', plain(200, bare({ status: 1 }))),
  unread('a status that is an object', plain(200, bare({ status: { failed: true } }))),
  unread('no status', plain(200, bare({}))),
  unread(
    'an array around the answer',
    plain(200, (it) => `[${state('failed')(it)}]`),
  ),
  unread('UTF-16', plain(200, utf16('{"status":"failed"}'))),
  unread(
    'gzip that nobody asked for',
    plain(200, gzipSync('{"status":"failed"}'), { 'content-encoding': 'gzip' }),
  ),
  unread('a gzip bomb', plain(200, bomb, { 'content-encoding': 'gzip' })),
  unread('500 MB', flood(200)),
  unread('a byte at a time, without end', drip(200)),
  unread('no answer at all', nothing),
  unread('the connection closed', hangUp),
  unread('the connection reset', reset),
  unread('no HTTP', sent('ERRO 13 TIPO INCOMPATIVEL\r\n')),
  unread('headers of 100 KB', sent(`${head(200, `x: ${'y'.repeat(100_000)}`)}{}`)),
  unread(
    'a BOM before the JSON',
    plain(200, (it) => `\ufeff${state('done')(it)}`),
  ),
  unread(
    'the connection closed behind each answer',
    ...Array<Answer>(2).fill(lastOfConnection(processing)),
  ),
  unread(
    'words that contradict each other: the last one counts',
    plain(200, ({ requestId }) => `{"id":"${requestId}","status":"failed","status":"done"}`),
  ),
  unread('a clock of its own', plain(200, state('done', { at: '1970-01-01' }), ANOTHER_TIME)),
  unread(
    '103 Early Hints before it',
    sent((it) => `HTTP/1.1 103 Hints\r\n\r\n${whole(200, state('done')(it))}`),
  ),
  unread('"done" at first, and "failed" if it were asked again', done, plain(200, state('failed'))),
  {
    what: 'GET: "failed" at first, and "done" if it were asked again',
    gets: [plain(200, state('failed', { reason: 'documento ilegível' })), done],
    end: 'failed',
    sends: 1,
  },
  {
    what: 'GET: "failed", with a reason of 100 KB',
    gets: [plain(200, state('failed', { reason: 'r'.repeat(100_000) }))],
    end: 'failed',
    sends: 1,
  },
  {
    what: 'GET: "failed", with a reason that is no text',
    gets: [plain(200, state('failed', { reason: { código: 13 } }))],
    end: 'failed',
    sends: 1,
  },
  {
    what: 'GET: "failed", with a reason of control characters and half a surrogate pair',
    gets: [plain(200, state('failed', { reason: 'a\u0000b\r\nc\ud800' }))],
    end: 'failed',
    sends: 1,
  },
  {
    what: 'GET: "processing" for ever',
    gets: [processing],
    forever: true,
    end: 'timed-out',
    sends: 1,
  },
  {
    what: 'GET: the result comes after the deadline',
    gets: [...Array<Answer>(1_000).fill(processing), done],
    end: 'timed-out',
    sends: 1,
  },
];

/** After these nothing is known for ever, so they are given up by `legacy.maxOpen`. */
export const FOR_EVER: Misconduct[] = [
  {
    what: 'GET: 404 for ever',
    gets: [plain(404, '{}')],
    forever: true,
    end: 'timed-out',
    sends: 1,
  },
  { what: 'GET: nothing for ever', gets: [hangUp], forever: true, end: 'timed-out', sends: 1 },
];
