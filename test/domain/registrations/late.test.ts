import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { nextLateCheck } from '../../../src/domain/registrations/late.ts';
import { DAY, HOUR, T0 } from '../../helpers/items.ts';

/** All the times at which a registration that timed out at T0 is asked for. */
function checks(lateFor: number, delay = 0): number[] {
  const all: number[] = [];
  for (let at = nextLateCheck(T0, T0, lateFor); at !== null;) {
    all.push(at);
    at = nextLateCheck(T0, at + delay, lateFor);
  }
  return all;
}

test('what has timed out is asked for after a minute, then ever more rarely, and for the last time at the end of the week', () => {
  const all = checks(7 * DAY);
  assert.equal(all[0], T0 + 60_000);
  assert.equal(all.at(-1), T0 + 7 * DAY);
  assert.ok(all.length >= 15 && all.length <= 35, `${all.length} times`);
  assert.ok(all.filter((at) => at <= T0 + HOUR).length >= 5);
});

test('without time for it nothing is watched', () => {
  assert.equal(nextLateCheck(T0, T0, 0), null);
});

test('whatever the time for it and however late each look comes, looks end, never come sooner one after the other, and leave no day out', () => {
  const lateFor = fc.integer({ min: 1, max: 365 * DAY });
  fc.assert(
    fc.property(lateFor, fc.integer({ min: 0, max: HOUR }), (limit, delay) => {
      const all = checks(limit, delay);
      assert.ok((all.at(-1) ?? 0) <= T0 + limit);
      assert.ok((all.at(-1) ?? 0) + delay >= T0 + limit);
      const rests = all.map((at, n) => at - (n === 0 ? T0 : (all[n - 1] ?? 0) + delay));
      for (const [n, rest] of rests.slice(0, -1).entries()) {
        assert.ok(rest > 0 && rest <= DAY);
        assert.ok(n === 0 || rest >= (rests[n - 1] ?? 0));
      }
    }),
    { numRuns: 300 },
  );
});
