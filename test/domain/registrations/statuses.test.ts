import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { test } from 'node:test';
import fc from 'fast-check';
import {
  heardOfGet,
  remedyFor,
  retryAfterMs,
  submitClass,
  YEAR_MS,
} from '../../../src/domain/registrations/statuses.ts';
import type { SubmitClass } from '../../../src/domain/registrations/statuses.ts';

const defaults: [SubmitClass, number[]][] = [
  ['accepted', [200, 201, 202, 204, 299]],
  ['misconfigured', [401, 403, 404, 405, 407, 421, 426, 501, 511]],
  ['refused', [400, 402, 406, 409, 410, 413, 415, 422, 423, 431, 451, 499]],
  ['unknown', [300, 301, 302, 303, 304, 307, 308, 399, 408, 500, 502, 504, 505, 508, 599]],
  ['not-accepted', [425, 429, 503]],
];
for (const [expected, statuses] of defaults) {
  test(`by default ${statuses.join(', ')} mean "${expected}"`, () => {
    for (const status of statuses)
      assert.equal(submitClass(status, {}, false), expected, String(status));
  });
}

test('a status of no known hundred is unknown: it may have been filed', () => {
  for (const status of [100, 199, 600, 999])
    assert.equal(submitClass(status, {}, false), 'unknown');
});

test('a 404 that says why is perhaps a refusal, unless it is declared otherwise; a reason changes no other status', () => {
  assert.equal(submitClass(404, {}, true), 'perhaps-refused');
  assert.equal(submitClass(404, { '404': 'misconfigured' }, true), 'misconfigured');
  assert.equal(submitClass(404, { '4xx': 'unknown' }, true), 'unknown');
  assert.equal(submitClass(404, { '404': 'refused' }, false), 'refused');
  for (let status = 100; status < 600; status++) {
    if (status === 404) continue;
    assert.equal(submitClass(status, {}, true), submitClass(status, {}, false), String(status));
  }
});

test('no answer to a GET but a readable 2xx says that the system is well, and a 404 says nothing at all', () => {
  for (let status = 100; status < 600; status++) {
    for (const hasJson of [true, false]) {
      const isWell = heardOfGet(status, hasJson) === 'well';
      assert.equal(isWell, hasJson && status >= 200 && status < 300, String(status));
    }
  }
  const heard = (...statuses: number[]) => statuses.map((status) => heardOfGet(status, true));
  assert.deepEqual(heard(400, 404, 410, 422), Array(4).fill('nothing'));
  assert.deepEqual(heard(401, 403, 405, 407, 421, 501, 511), Array(7).fill('misconfigured'));
  assert.deepEqual(heard(302, 303, 408, 429, 500, 502, 503), Array(7).fill('trouble'));
});

test('what is to be looked at follows from the status', () => {
  assert.match(remedyFor(401), /LEGACY_AUTHORIZATION/);
  assert.match(remedyFor(403), /LEGACY_AUTHORIZATION/);
  assert.match(remedyFor(407), /proxy/);
  assert.match(remedyFor(404), /LEGACY_URL/);
});

test('an exact override wins over an override of its hundred, and that over every default', () => {
  const overrides = { '409': 'accepted', '4xx': 'unknown', '5xx': 'not-accepted' } as const;
  assert.equal(submitClass(409, overrides, false), 'accepted');
  assert.equal(submitClass(422, overrides, false), 'unknown');
  // The hundred that the user wrote wins over our exact default.
  assert.equal(submitClass(429, overrides, false), 'unknown');
  assert.equal(submitClass(500, overrides, false), 'not-accepted');
  assert.equal(submitClass(201, overrides, false), 'accepted');
});

test('without overrides only a 2xx is ever accepted, and a redirect never tried again by itself', () => {
  for (let status = 100; status < 600; status++) {
    const known = submitClass(status, {}, false);
    assert.equal(known === 'accepted', status >= 200 && status < 300, String(status));
    if (status >= 300 && status < 400) assert.equal(known, 'unknown', String(status));
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

test('a rest that is asked for is taken as it is, where the caller bounds it elsewhere', () => {
  const asked = (header: string) => retryAfterMs(header, now, YEAR_MS);
  assert.equal(asked('7200'), 7_200_000);
  assert.equal(asked('Wed, 01 Jan 2031 00:00:00 GMT'), 365 * 24 * 3_600_000);
  const most = asked('9'.repeat(400)) ?? 0;
  assert.ok(Number.isSafeInteger(now + most), 'it is a time');
});

test('docs/reference/http-statuses.md says of each status what is made of it', () => {
  const rows = readFileSync('docs/reference/http-statuses.md', 'utf8').matchAll(
    /^\| ([\dx, ]+) \| `([a-z-]+)` \|/gm,
  );
  const told = new Map<number, string>();
  const hundreds = new Map<string, string>();
  for (const [, statuses = '', meaning = ''] of rows) {
    for (const each of statuses.split(', ')) {
      if (each.endsWith('xx')) hundreds.set(each, meaning);
      else told.set(Number(each), meaning);
    }
  }
  assert.ok(told.size > 30);
  for (const [status, meaning] of told)
    assert.equal(submitClass(status, {}, false), meaning, String(status));
  const others = { '4xx': 'refused', '5xx': 'unknown' };
  for (let status = 200; status < 600; status++) {
    if (told.has(status)) continue;
    const hundred = `${String(status)[0]}xx`;
    const meaning =
      hundreds.get(hundred) ?? Object.entries(others).find(([h]) => h === hundred)?.[1];
    assert.equal(submitClass(status, {}, false), meaning, String(status));
  }
});
