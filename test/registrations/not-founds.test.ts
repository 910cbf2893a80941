import assert from 'node:assert/strict';
import { test } from 'node:test';
import { createNotFounds } from '../../src/registrations/not-founds.ts';

const ROUTE = 'no Route matched with those values';
const CITY = 'unknown municipality';
const MINUTE = 60_000;

const many = <T>(each: () => T, count = 25): T[] => Array.from({ length: count }, each);

test('a 404 that says why is a refusal, and so are twenty in the same words; the next ones in a row are not', () => {
  const { isRefusal } = createNotFounds();
  assert.deepEqual(
    many(() => isRefusal(ROUTE)),
    [...many(() => true, 20), ...many(() => false, 5)],
  );
});

test('once the application itself has answered, or in other words, the row begins anew', () => {
  const { heard, isRefusal } = createNotFounds();
  for (let n = 0; n < 10; n++) {
    assert.deepEqual(new Set(many(() => isRefusal(CITY), 15)), new Set([true]));
    heard();
  }
  many(() => isRefusal(ROUTE));
  assert.equal(isRefusal(CITY), true);
});

test('words that last for longer than a deploy are believed again', () => {
  let now = 0;
  const { heard, isRefusal } = createNotFounds(() => now);
  many(() => isRefusal(CITY));
  now = 10 * MINUTE;
  assert.equal(isRefusal(CITY), false);
  now += 1;
  assert.equal(isRefusal(CITY), true);
  heard();
  many(() => isRefusal(CITY));
  assert.equal(isRefusal(CITY), false, 'the next row has its own time');
});
