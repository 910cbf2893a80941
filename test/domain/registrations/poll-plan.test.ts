import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { nextPollAt, planPolls } from '../../../src/domain/registrations/poll-plan.ts';
import type { PollPlan } from '../../../src/domain/registrations/poll-plan.ts';

/** When it is asked, as offsets after acceptance: each poll is made at once and answered "processing". */
function askedAt(plan: PollPlan, times: number, acceptedAt = 0): number[] {
  const asked: number[] = [];
  for (let now = acceptedAt; asked.length < times;) {
    now = nextPollAt(plan, acceptedAt, now);
    asked.push(now - acceptedAt);
  }
  return asked;
}

const anyPlan = fc
  .record({
    min: fc.integer({ min: 1, max: 600_000 }),
    span: fc.integer({ min: 1, max: 600_000 }),
    gets: fc.integer({ min: 1, max: 100 }),
    longest: fc.integer({ min: 10, max: 3_600_000 }),
  })
  .map(({ min, span, gets, longest }) => ({
    plan: planPolls({ min, max: min + span }, gets, longest),
    min,
    max: min + span,
    gets,
    longest,
  }));

test('eight polls for 10 to 20 s stand at the eighths', () => {
  const { offsets } = planPolls({ min: 10_000, max: 20_000 }, 8, 60_000);
  assert.deepEqual(offsets, [11_250, 12_500, 13_750, 15_000, 16_250, 17_500, 18_750, 20_000]);
});

test('after the plan the intervals grow by half up to the longest', () => {
  const plan = planPolls({ min: 10_000, max: 20_000 }, 10, 3_000);
  assert.deepEqual(askedAt(plan, 16).slice(10), [21_000, 22_500, 24_750, 27_750, 30_750, 33_750]);
});

test('polls that a slow moment has skipped are not made up for', () => {
  const plan = planPolls({ min: 10_000, max: 20_000 }, 10, 60_000);
  assert.equal(nextPollAt(plan, 0, 15_500), 16_000);
  assert.equal(nextPollAt(plan, 0, 16_000), 17_000);
});

test('a long outage of the clock or of ours costs no time to plan over', () => {
  const plan = planPolls({ min: 10_000, max: 20_000 }, 8, 60_000);
  assert.equal(nextPollAt(plan, 0, 1e12), 1e12 + 60_000);
});

test('a plan ascends, ends at the longest expected latency and stays within its budget', () => {
  fc.assert(
    fc.property(anyPlan, ({ plan, min, max, gets }) => {
      assert.ok(plan.offsets.length <= gets);
      assert.equal(plan.offsets.at(-1), max);
      plan.offsets.forEach((offset, at) => {
        assert.ok(offset >= min && offset <= max);
        assert.ok(at === 0 || offset >= (plan.offsets[at - 1] ?? 0));
      });
    }),
  );
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

test('a plan that cannot be made is refused with what was given', () => {
  for (const [expected, gets] of [
    [{ min: 10, max: 20 }, 0],
    [{ min: 10, max: 10 }, 8],
    [{ min: 20, max: 10 }, 8],
  ] as const)
    assert.throws(() => planPolls(expected, gets, 60_000), {
      name: 'RangeError',
      message: /got \d+, \{"min"/,
    });
});
