import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { retryAfterMs, submitClass } from '../../src/domain/contract.ts';
import type { SubmitClass } from '../../src/domain/contract.ts';

const defaults: [SubmitClass, number[]][] = [
  ['accepted', [200, 201, 202, 204, 299]],
  ['misconfigured', [300, 301, 302, 307, 308, 399]],
  ['refused', [400, 401, 403, 404, 409, 413, 415, 422, 451, 499]],
  ['unknown', [408, 500, 501, 502, 504, 505, 599]],
  ['not-accepted', [429, 503]],
];
for (const [expected, statuses] of defaults) {
  test(`by default ${statuses.join(', ')} mean "${expected}"`, () => {
    for (const status of statuses) assert.equal(submitClass(status, {}), expected, String(status));
  });
}

test('a status of no known hundred is unknown: it may have been filed', () => {
  for (const status of [100, 199, 600, 999]) assert.equal(submitClass(status, {}), 'unknown');
});

test('an exact override wins over an override of its hundred, and that over every default', () => {
  const overrides = { '409': 'accepted', '4xx': 'unknown', '5xx': 'not-accepted' } as const;
  assert.equal(submitClass(409, overrides), 'accepted');
  assert.equal(submitClass(422, overrides), 'unknown');
  // The hundred that the user wrote wins over our exact default.
  assert.equal(submitClass(429, overrides), 'unknown');
  assert.equal(submitClass(500, overrides), 'not-accepted');
  assert.equal(submitClass(201, overrides), 'accepted');
});

test('without overrides only a 2xx is ever accepted, and only 429 and 503 are tried again', () => {
  for (let status = 100; status < 600; status++) {
    const known = submitClass(status, {});
    assert.equal(known === 'accepted', status >= 200 && status < 300, String(status));
    assert.equal(known === 'not-accepted', status === 429 || status === 503, String(status));
  }
});

const now = Date.parse('2030-01-01T00:00:00Z');
const MAX = 5 * 60_000;
const headers: [string, string | undefined, number | null][] = [
  ['absent', undefined, null],
  ['seconds', '7', 7_000],
  ['seconds with spaces around', ' 7 ', 7_000],
  ['zero', '0', 0],
  ['an HTTP date', 'Tue, 01 Jan 2030 00:00:30 GMT', 30_000],
  ['a date that is over', 'Tue, 01 Jan 2019 00:00:30 GMT', 0],
  ['a date next year', 'Wed, 01 Jan 2031 00:00:00 GMT', MAX],
  ['a thousand million seconds', '1000000000', MAX],
  ['more digits than a number holds', '9'.repeat(400), MAX],
  ['1e9, which is no number of seconds', '1e9', null],
  ['a fraction', '1.5', null],
  ['a negative number', '-5', null],
  ['nothing', '', null],
  ['words', 'soon', null],
];
for (const [name, header, expected] of headers) {
  test(`Retry-After that is ${name} means ${expected} ms`, () => {
    assert.equal(retryAfterMs(header, now), expected);
  });
}

test('whatever Retry-After says, the rest is null or between 0 and 5 minutes', () => {
  fc.assert(
    fc.property(
      fc.oneof(
        fc.string(),
        fc.integer().map(String),
        fc.date({ noInvalidDate: true }).map((date) => date.toUTCString()),
      ),
      (header) => {
        const rest = retryAfterMs(header, now);
        assert.ok(rest === null || (rest >= 0 && rest <= MAX), `${header}: ${rest}`);
      },
    ),
  );
});
