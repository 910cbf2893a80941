/** The ways in which a legacy system can answer a POST, and what must come of each. */
import { gzipSync } from 'node:zlib';
import {
  ANOTHER_TIME,
  HTML,
  html,
  bare,
  bomb,
  cut,
  cutChunked,
  drip,
  filed,
  flood,
  hangUp,
  head,
  nothing,
  plain,
  redirect,
  reset,
  sent,
  utf16,
  whole,
  withId,
} from './answers.ts';
import type { Answer, Exchange } from './hostile.ts';
import type { Misconduct } from './misconduct.ts';

/** A POST whose answer leaves open whether it was filed: in doubt, and never sent again. */
const doubt = (what: string, answer: Answer): Misconduct => ({
  what: `POST: ${what}`,
  posts: [answer],
  end: 'in doubt',
  sends: 1,
});

/** A POST that says it was not filed: sent again until it is. */
const again = (what: string, ...posts: Answer[]): Misconduct => ({
  what: `POST: ${what}`,
  posts,
  end: 'registered',
  sends: posts.length + 1,
});

/** A POST that is accepted, in an odd manner. */
const fine = (what: string, answer: Answer): Misconduct => ({
  what: `POST: ${what}`,
  posts: [filed(answer)],
  end: 'registered',
  sends: 1,
});

const refused = (status: number, text = '{}'): Misconduct => ({
  what: `POST: ${status} ${text}`,
  posts: [plain(status, text)],
  end: 'rejected',
  sends: 1,
});

const proto = ({ requestId }: Exchange): string =>
  `{"__proto__":{"id":"REQ-another"},"constructor":{"prototype":{}},"id":"${requestId}"}`;

export const ON_SUBMIT: Misconduct[] = [
  ...[500, 502, 504, 408].map((status) => doubt(`${status}`, plain(status, '{}'))),
  ...[400, 409, 410, 413, 415, 422].map((status) => refused(status)),
  refused(404, '{"reason":"unknown municipality"}'),
  ...[401, 403, 404, 405, 407, 501, 511].map((status) =>
    again(`${status}, twice`, ...Array<Answer>(2).fill(plain(status, '{}'))),
  ),
  again('404 with an HTML page', plain(404, HTML, html)),
  again('503, four times', ...Array<Answer>(4).fill(plain(503, '{}'))),
  again('429 with Retry-After', plain(429, '{}', { 'retry-after': '1' })),
  again('429 without Retry-After, twice', plain(429, '{}'), plain(429, '{}')),
  again(
    '503 with a Retry-After in the past, by a clock of its own',
    plain(503, '{}', { ...ANOTHER_TIME, 'retry-after': 'Thu, 01 Jan 1970 00:01:00 GMT' }),
  ),
  again('503 with a Retry-After that is none', plain(503, '{}', { 'retry-after': '-5 soon' })),
  ...[300, 301, 302, 303, 307, 308].flatMap((status) => [
    doubt(`redirect ${status}, filed`, filed(redirect(status))),
    doubt(`redirect ${status}, not filed`, redirect(status)),
  ]),
  doubt('304', filed(plain(304, ''))),
  doubt('201 with an HTML page', filed(plain(201, HTML, html))),
  doubt('200 without an id', filed(plain(200, '{"ok":true}'))),
  doubt('201 with an empty body', filed(plain(201, ''))),
  doubt('204', filed(plain(204, ''))),
  doubt('205', filed(plain(205, ''))),
  doubt('half a JSON object', filed(plain(201, ({ requestId }) => `{"id":"${requestId}","x":`))),
  doubt('an answer that is cut in its middle', filed(cut(201))),
  doubt('a chunked answer that is cut', filed(cutChunked(201))),
  doubt('a number with a fraction as id', filed(plain(201, bare({ id: 47.11 })))),
  doubt('null as id', filed(plain(201, bare({ id: null })))),
  doubt('an object as id', filed(plain(201, bare({ id: { nr: 1 } })))),
  doubt('an array around the answer', filed(plain(201, (it) => `[${withId(it)}]`))),
  doubt('an id that leads out of its path', filed(plain(201, bare({ id: '../admin' })))),
  doubt('an id with a line break', filed(plain(201, bare({ id: 'A\r\nHost: x' })))),
  doubt('an id of 10,000 characters', filed(plain(201, bare({ id: 'A'.repeat(10_000) })))),
  doubt('an id in capitals: "ID"', filed(plain(201, ({ requestId }) => `{"ID":"${requestId}"}`))),
  doubt('UTF-16', filed(plain(201, utf16('{"id":"REQ-1"}')))),
  doubt('a gzip bomb', filed(plain(201, bomb, { 'content-encoding': 'gzip' }))),
  doubt('500 MB', filed(flood(201))),
  doubt('a byte at a time, without end', filed(drip(201))),
  doubt('no answer at all, filed', filed(nothing)),
  doubt('no answer at all, not filed', nothing),
  doubt('the connection closed, filed', filed(hangUp)),
  doubt('the connection closed, not filed', hangUp),
  doubt('the connection reset', filed(reset)),
  doubt('no HTTP', filed(sent('ERRO 13 TIPO INCOMPATIVEL\r\n'))),
  doubt(
    'headers of 100 KB',
    filed(sent(`${head(201, `x: ${'y'.repeat(100_000)}`, 'content-length: 2')}{}`)),
  ),
  doubt(
    'a length that is no number',
    filed(sent(({ requestId }) => `${head(201, 'content-length: many')}{"id":"${requestId}"}`)),
  ),
  doubt(
    'two lengths that contradict each other',
    filed(sent(`${head(201, 'content-length: 2', 'content-length: 14')}{"id":"REQ-1"}`)),
  ),
  doubt(
    'a chunk whose size is no number',
    filed(sent(`${head(201, 'transfer-encoding: chunked')}zz\r\n`)),
  ),
  doubt('100 Continue that nobody asked for', filed(sent('HTTP/1.1 100 Continue\r\n\r\n'))),
  doubt(
    'a switch to another protocol',
    filed(sent(head(101, 'upgrade: websocket', 'connection: upgrade'))),
  ),
  doubt('status 999', filed(sent(`${head(999, 'content-length: 2')}{}`))),
  fine('202', plain(202, withId)),
  fine(
    'gzip that nobody asked for',
    plain(201, (it) => gzipSync(withId(it)), { 'content-encoding': 'gzip' }),
  ),
  fine('the right JSON as text/plain', plain(201, withId, { 'content-type': 'text/plain' })),
  fine('the right JSON as an HTML page', plain(201, withId, html)),
  fine(
    'a BOM before the JSON',
    plain(201, (it) => `\ufeff${withId(it)}`),
  ),
  fine(
    'the id twice: the last one counts',
    plain(201, ({ requestId }) => `{"id":"REQ-another","id":"${requestId}"}`),
  ),
  fine(
    'Latin-1 beside the id',
    plain(201, ({ requestId }) => Buffer.from(`{"id":"${requestId}","nome":"Jo\xe3o"}`, 'latin1')),
  ),
  fine('fields that mean something to JavaScript', plain(201, proto)),
  fine('a clock of its own', plain(201, withId, ANOTHER_TIME)),
  fine(
    '103 Early Hints before it',
    sent((it) => `HTTP/1.1 103 Early Hints\r\nlink: </a>\r\n\r\n${whole(201, withId(it))}`),
  ),
  fine(
    'a second answer behind it',
    sent((it) => whole(201, withId(it)) + whole(500, '{}')),
  ),
  fine(
    'no length: the end of the connection is the end',
    sent((it) => head(201) + withId(it)),
  ),
  fine(
    'HTTP/1.0',
    sent((it) => whole(201, withId(it)).replace('HTTP/1.1', 'HTTP/1.0')),
  ),
];
