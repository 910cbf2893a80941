import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { nextPollAt, planAt, type PollPlan } from '../../../src/domain/registrations/poll-plan.ts';

/** When it is asked, as offsets after acceptance: each poll is made at once and answered "processing". */
function askedAt(plan: PollPlan, times: number, acceptedAt = 0): number[] {
  const asked: number[] = [];
  for (let now = acceptedAt; asked.length < times;) {
    now = nextPollAt(plan, acceptedAt, now);
    asked.push(now - acceptedAt);
  }
  return asked;
}

/** Polls at equal steps. */
function evenly({ min, max }: { min: number; max: number }, gets: number, longest: number) {
  const step = (max - min) / gets;
  const offsets = Array.from({ length: gets }, (_, k) => Math.round(min + step * (k + 1)));
  return { offsets, tail: Math.min(Math.max(step, 1_000), longest), longest };
}

const anyPlan = fc
  .record({
    min: fc.integer({ min: 1, max: 600_000 }),
    span: fc.integer({ min: 1, max: 600_000 }),
    gets: fc.integer({ min: 1, max: 100 }),
    longest: fc.integer({ min: 10, max: 3_600_000 }),
  })
  .map(({ min, span, gets, longest }) => ({
    plan: evenly({ min, max: min + span }, gets, longest),
    min,
    max: min + span,
    gets,
    longest,
  }));

test('after the plan the intervals grow by half up to the longest', () => {
  const plan = evenly({ min: 10_000, max: 20_000 }, 10, 3_000);
  assert.deepEqual(askedAt(plan, 16).slice(10), [21_000, 22_500, 24_750, 27_750, 30_750, 33_750]);
});

test('polls that a slow moment has skipped are not made up for', () => {
  const plan = evenly({ min: 10_000, max: 20_000 }, 10, 60_000);
  assert.equal(nextPollAt(plan, 0, 15_500), 16_000);
  assert.equal(nextPollAt(plan, 0, 16_000), 17_000);
});

test('a long outage of the clock or of ours costs no time to plan over', () => {
  const plan = evenly({ min: 10_000, max: 20_000 }, 8, 60_000);
  assert.equal(nextPollAt(plan, 0, 1e12), 1e12 + 60_000);
});

test('the next poll is always after now', () => {
  fc.assert(
    fc.property(anyPlan, fc.nat(2_000_000), fc.nat(10_000_000), ({ plan }, acceptedAt, later) => {
      const now = acceptedAt + later;
      assert.ok(nextPollAt(plan, acceptedAt, now) > now, `${nextPollAt(plan, acceptedAt, now)}`);
    }),
    { numRuns: 2_000 },
  );
});

test('the next poll is never earlier for asking later', () => {
  fc.assert(
    fc.property(anyPlan, fc.nat(2_000_000), fc.nat(100_000), ({ plan }, elapsed, more) => {
      assert.ok(nextPollAt(plan, 0, elapsed + more) >= nextPollAt(plan, 0, elapsed));
    }),
    { numRuns: 2_000 },
  );
});

test('within the expected latency it is asked no more often than the budget, and then less and less often', () => {
  fc.assert(
    fc.property(anyPlan, ({ plan, max, gets, longest }) => {
      const asked = askedAt(plan, gets + 30);
      assert.ok(asked.filter((at) => at <= max).length <= gets);
      const tail = asked.filter((at) => at >= max);
      const intervals = tail.slice(1).map((at, n) => at - (tail[n] ?? 0));
      for (const [n, interval] of intervals.entries()) {
        assert.ok(interval > 0 && interval <= longest, `${interval}, longest ${longest}`);
        // Rounded to whole milliseconds, so one less is no shrinking.
        assert.ok(n === 0 || interval >= (intervals[n - 1] ?? 0) - 1, intervals.join());
      }
    }),
  );
});

test('the first registrations of a run explore, the others have its plan', () => {
  const plan = evenly({ min: 10_000, max: 20_000 }, 2, 60_000);
  const mixed = { ...plan, exploring: { count: 2, offsets: [5_000, 15_000] } };
  const offsetsOf = (given: PollPlan) => [0, 1, 2].map((index) => planAt(given, index).offsets);
  const { offsets } = plan;
  assert.deepEqual(offsetsOf(mixed), [[5_000, 15_000], [5_000, 15_000], offsets]);
  assert.deepEqual(offsetsOf(plan), [offsets, offsets, offsets]);
});
