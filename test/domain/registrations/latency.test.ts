import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import {
  HALF_LIFE,
  learn,
  priorOf,
  quantileOf,
  weightIn,
  weightOf,
} from '../../../src/domain/registrations/latency.ts';
import type { Interval, Latencies } from '../../../src/domain/registrations/latency.ts';

const prior = priorOf({ min: 10_000, max: 20_000 });
const T0 = 1_700_000_000_000;
const HOUR = 3_600_000;

const close = (actual: number, expected: number, share = 0.02): void =>
  assert.ok(Math.abs(actual - expected) <= share * expected, `${actual}, expected ${expected}`);

const times = (count: number, interval: Interval): Interval[] =>
  Array.from({ length: count }, () => interval);

/** Learned in steps, an hour apart, so that only the number of observations counts. */
function after(steps: readonly Interval[][], known: Latencies = prior): Latencies {
  return steps.reduce((sum, seen, n) => learn(sum, seen, T0 + n * HOUR), known);
}

const anyInterval = fc
  .tuple(fc.integer({ min: 0, max: 5_000_000 }), fc.integer({ min: 1, max: 5_000_000 }))
  .map(([from, length]): Interval => ({ after: from, upTo: from + length }));

test('before anything was seen the latency is uniform between the expected ones', () => {
  assert.equal(prior.count, 0);
  for (const q of [0.1, 0.25, 0.5, 0.75, 0.9]) close(quantileOf(prior, q), 10_000 + q * 10_000);
  close(weightIn(prior, 10_000, 20_000), weightOf(prior));
});

test('what was seen to end between two polls is believed to have ended there', () => {
  const known = after([times(1_000, { after: 30_000, upTo: 31_000 })]);
  close(quantileOf(known, 0.5), 30_500);
  assert.ok(weightIn(known, 29_000, 32_000) / weightOf(known) > 0.99);
});

test('a first poll that sees the end says little of when: it is believed where it was likely before', () => {
  const known = after([times(100, { after: 0, upTo: 15_000 })]);
  assert.ok(weightIn(known, 10_000, 15_000) / weightOf(known) > 0.8);
  assert.ok(weightIn(known, 7_500, 10_000) > 0, 'and a little before that');
});

test('what was known weighs half after each half-life of observations', () => {
  const known = after([times(HALF_LIFE, { after: 40_000, upTo: 41_000 })]);
  close(weightIn(known, 10_000, 20_000), weightOf(prior) / 2);
});

test('the slow end of a burst does not make its fast end forgotten', () => {
  const start = after([times(500, { after: 14_000, upTo: 15_000 })]);
  const seconds = Array.from({ length: 10 }, (_, n) =>
    times(1_000, { after: 10_000 + n * 1_000, upTo: 11_000 + n * 1_000 }),
  );
  const known = seconds.reduce((sum, seen, n) => learn(sum, seen, start.at + n * 1_000), start);
  assert.ok(quantileOf(known, 0.1) < 12_000, `${quantileOf(known, 0.1)}`);
  close(quantileOf(known, 0.5), 15_000, 0.05);
});

test('an outage and a late redrive teach nothing', () => {
  const late = [
    { after: 0, upTo: 50 * HOUR },
    { after: 21_000, upTo: 2 * HOUR },
  ];
  const known = after([late]);
  assert.equal(weightIn(known, 20_500, 100 * HOUR), 0);
});

test('the order of what was seen at the same time makes no difference', () => {
  fc.assert(
    fc.property(fc.array(anyInterval, { maxLength: 40 }), (seen) => {
      const forth = learn(prior, seen, T0);
      const back = learn(prior, [...seen].reverse(), T0);
      for (const q of [0.1, 0.5, 0.9]) close(quantileOf(forth, q), quantileOf(back, q), 1e-6);
    }),
  );
});

test('whatever is seen, weights stay numbers, none below 0, and quantiles ascend', () => {
  fc.assert(
    fc.property(
      fc.array(fc.array(anyInterval, { maxLength: 20 }), { maxLength: 10 }),
      fc.array(fc.integer({ min: -HOUR, max: HOUR }), { minLength: 10, maxLength: 10 }),
      (steps, clocks) => {
        const known = steps.reduce(
          (sum, seen, n) => learn(sum, seen, T0 + (clocks[n] ?? 0)),
          prior,
        );
        assert.equal(known.count, steps.flat().length);
        assert.ok(known.weights.every((weight) => weight >= 0 && Number.isFinite(weight)));
        const quantiles = [0, 0.01, 0.5, 0.99, 1].map((q) => quantileOf(known, q));
        assert.deepEqual(
          quantiles,
          [...quantiles].sort((a, b) => a - b),
        );
      },
    ),
  );
});
