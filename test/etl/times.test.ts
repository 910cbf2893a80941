import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { percentile, tookSoLong } from '../../src/etl/times.ts';

test('a percentile is at most an eighth more than the time that it stands for', () => {
  const all = fc.array(fc.integer({ min: 1, max: 1_000_000 }), { minLength: 1, maxLength: 200 });
  fc.assert(
    fc.property(all, fc.double({ min: 0.01, max: 1, noNaN: true }), (times, share) => {
      const counts: number[] = [];
      for (const ms of times) tookSoLong(counts, ms);
      const exact = times.sort((a, b) => a - b)[Math.ceil(share * times.length - 1e-9) - 1] ?? 0;
      const told = percentile(counts, share) ?? 0;
      assert.ok(told >= exact - 0.5 && told <= exact * 1.126 + 0.5, `${told} of ${exact}`);
    }),
  );
});

test('of no attempt there is no percentile', () => {
  assert.equal(percentile([], 0.5), null);
});
