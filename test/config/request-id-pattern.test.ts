import assert from 'node:assert/strict';
import { test } from 'node:test';
import { ConfigError } from '../../src/config/faults.ts';
import { loadConfig } from '../../src/config/load.ts';
import { requestIdReader } from '../../src/config/contract.ts';

const reader = (requestIdPattern: string) =>
  requestIdReader({ requestIdPattern, poll: { path: '/r/{id}', body: null } });

const configured = (pattern: string) =>
  loadConfig({ env: { DESPACHANTE_LEGACY_REQUEST_ID_PATTERN: pattern } }).config.legacy;

test('a repetition in a repetition decides on any text: what fits it is a request id, however many ways were tried first', () => {
  // Before the last alternative, the first one fails in as many ways as there are to divide the text.
  for (const [first, letter] of [
    ['((_|[.])+)+', '_'],
    ['((é|è)+)+', 'é'],
    ['(a+)+', 'a'],
    ['(a|aa)+', 'a'],
    ['([a-z]*)*', 'a'],
    ['(a?){60}a{60}', 'a'],
    ['(\\w+\\s?)*', 'a'],
    ['a*a*a*a*a*a*', 'a'],
  ] as const) {
    const pattern = `^(${first}!|${letter}+-)$`;
    const isRequestId = reader(configured(pattern).requestIdPattern);
    for (const length of [60, 900]) {
      assert.equal(isRequestId(`${letter.repeat(length)}-`), true, pattern);
      assert.equal(isRequestId(`${letter.repeat(length)}?`), false, pattern);
    }
  }
});

test('what RE2 cannot read is refused, and the fault says what that is', () => {
  for (const pattern of [
    '^(?=A)A$',
    '^(?!A).*$',
    '^(?<=A)B$',
    '^(A)\\1$',
    '^A{1001}$',
    '^[A$',
    '^(A$',
  ]) {
    assert.throws(
      () => configured(pattern),
      (error) => error instanceof ConfigError && /as RE2 reads it: without/.test(error.message),
      pattern,
    );
  }
});

test('patterns are read as JavaScript reads them, where RE2 writes them in another way', () => {
  assert.equal(reader('^[^]*$')('a\nb'), true);
  assert.equal(reader('^\\u00e9$')('é'), true);
  assert.equal(reader('^(?<year>\\d{4})-\\w+$')('2025-x'), true);
  assert.equal(reader('^[A-Z]{2}\\/\\d+$')('AB/7'), true);
  assert.equal(reader('^A|B$')('A/x'), false);
  assert.equal(reader('^A.$')('A\n'), false);
});
