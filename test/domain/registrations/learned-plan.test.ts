import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { hastened, learn, priorOf, quantileOf } from '../../../src/domain/registrations/latency.ts';
import {
  EXPLORING,
  betterThan,
  byPlan,
  costOf,
  doubling,
  drawFor,
  everySecond,
  expectedGets,
  exploreFor,
  halfDoneBy,
  isFarSooner,
  jittered,
  planFrom,
} from '../../../src/domain/registrations/learned-plan.ts';
import { burst } from '../../../bench/cold-world.ts';
import { bimodal, figuresOf, heavyTailed, live, uniform } from '../../../bench/latency-world.ts';
import { ask, draws } from '../../../bench/latency-world.ts';

const T0 = 1_700_000_000_000;
const prior = priorOf({ min: 10_000, max: 20_000 });
const longest = 60_000;

const anyKnown = fc
  .array(
    fc.record({
      from: fc.integer({ min: 1, max: 3_600_000 }),
      ratio: fc.double({ min: 1.01, max: 1.9, noNaN: true }),
      count: fc.integer({ min: 1, max: 60 }),
    }),
    { maxLength: 8 },
  )
  .map((groups) =>
    groups.reduce((known, { from, ratio, count }, n) => {
      const seen = Array.from({ length: count }, () => ({ after: from, upTo: from * ratio }));
      return learn(known, seen, T0 + n * 1e9);
    }, prior),
  );
const anyGets = fc.integer({ min: 1, max: 100 });
const anyExplore = fc.record({
  count: fc.integer({ min: 1, max: 500 }),
  polls: fc.integer({ min: 1, max: 5 }),
  share: fc.double({ min: 0, max: 0.99, noNaN: true }),
});

test('a plan ascends in whole milliseconds, within its budget, inside what was seen', () => {
  fc.assert(
    fc.property(anyKnown, anyGets, (known, gets) => {
      const { offsets, tail } = planFrom(known, { gets, longest, explore: null });
      assert.ok(offsets.length >= 1 && offsets.length <= gets);
      const [seenFirst, seenLast] = [quantileOf(known, 0), quantileOf(known, 1)];
      for (const [at, offset] of offsets.entries()) {
        assert.ok(Number.isInteger(offset) && offset > (offsets[at - 1] ?? 0), offsets.join());
        assert.ok(offset >= Math.floor(seenFirst) && offset <= Math.ceil(seenLast));
      }
      assert.ok(tail >= 1_000 && tail <= longest);
    }),
  );
});

test('an exploring plan asks some times before anything was seen, never at once, within the same budget', () => {
  fc.assert(
    fc.property(anyKnown, anyGets, anyExplore, (known, gets, explore) => {
      const { offsets } = planFrom(known, { gets, longest, explore });
      assert.ok(offsets.length <= gets);
      offsets.forEach((offset, at) => assert.ok(offset > (offsets[at - 1] ?? 0), offsets.join()));
      const earliest = quantileOf(known, 0.005);
      const early = offsets.filter((offset) => offset < Math.floor(earliest));
      assert.ok(early.length <= Math.min(explore.polls, gets / 2), offsets.join());
      if (gets > 1) assert.ok((offsets[0] ?? 0) <= Math.ceil(earliest));
    }),
  );
});

test('the same knowledge and budget give the same plan', () => {
  fc.assert(
    fc.property(anyKnown, anyGets, (known, gets) => {
      const budget = { gets, longest, explore: null };
      assert.deepEqual(planFrom(known, budget), planFrom(structuredClone(known), budget));
    }),
  );
});

const learnedWell = { ...prior, count: 1_000 };

test('when much was seen a few per cent of the runs explore, the same ones whenever they are asked', () => {
  const idOf = (n: number) => `registrations/r-${n}/4f1c`;
  const drawn = Array.from({ length: 20_000 }, (_, n) => exploreFor(learnedWell, idOf(n), 250));
  const share = drawn.filter((explore) => explore !== null).length / drawn.length;
  assert.ok(Math.abs(share - EXPLORING) < 0.01, `${share}`);
  assert.ok(
    drawn.every((explore) => explore === null || (explore.share >= 0 && explore.share < 1)),
  );
  assert.ok(drawn.every((explore) => explore === null || explore.count === 250));
  assert.deepEqual(exploreFor(learnedWell, idOf(7), 250), drawn[7]);
});

test('when little was seen a few registrations of each run explore', () => {
  fc.assert(
    fc.property(fc.string(), fc.integer({ min: 1, max: 500 }), (runId, size) => {
      const explore = exploreFor(prior, runId, size);
      assert.ok(explore !== null && explore.count >= 2);
      assert.ok(explore.count <= size * EXPLORING + 2, `${explore.count} of ${size}`);
    }),
  );
});

test('half being done is heard from those that were asked early, of two that are done at least', () => {
  const plan = { offsets: [1_000], tail: 1_000, longest };
  const over = (age: number) => ({ age, isDone: true });
  const open = (age: number) => ({ age, isDone: false });
  assert.equal(halfDoneBy(plan, [over(400), over(500), open(500), open(500)]), 500);
  assert.equal(halfDoneBy(plan, [over(400), over(500), open(500), open(500), open(500)]), null);
  assert.equal(halfDoneBy(plan, [over(500)]), null);
  assert.equal(halfDoneBy(plan, [over(1_000), over(1_000), over(900), open(900)]), null);
});

test('what is known is moved so far that half are done by then, and keeps its shape', () => {
  fc.assert(
    fc.property(anyKnown, fc.double({ min: 0.01, max: 2, noNaN: true }), (known, share) => {
      const median = quantileOf(known, 0.5);
      const by = Math.max(10, median * share);
      const moved = hastened(known, by);
      if (by >= median) return assert.equal(moved, known);
      const now = quantileOf(moved, 0.5);
      assert.ok(now <= by * 1.0001 && now > by * 0.95, `${now}, ${by}`);
      assert.equal(hastened(moved, now), moved);
    }),
  );
});

const cold = {
  count: 2_000,
  size: 250,
  rate: 700,
  expected: { min: 10_000, max: 20_000 },
  gets: 10,
};

test('nothing learned, and 2–4 s instead of 10–20 s: half of the first 2,000 are settled within a second', () => {
  for (const seed of [1, 2, 3, 4, 5]) {
    const { gets, p50 } = figuresOf(burst({ ...cold, latency: uniform(2_000, 4_000), seed }));
    assert.ok(p50 <= 1_000 && gets <= 10, `${p50} ms, ${gets} GETs`);
  }
});

test('nothing learned, and as slow as expected: exploring adds half a GET at most, and nothing to the lag', () => {
  for (const seed of [1, 2, 3, 4, 5]) {
    const { gets, p50 } = figuresOf(burst({ ...cold, latency: uniform(10_000, 20_000), seed }));
    assert.ok(p50 <= 700 && gets <= 4.5, `${p50} ms, ${gets} GETs`);
  }
});

test('what a way of asking costs is what it comes to when it is played', () => {
  const draw = draws(5);
  const latencies = Array.from({ length: 20_000 }, () => 10_000 + 10_000 * draw());
  const plan = byPlan(planFrom(prior, { gets: 10, longest, explore: null }));
  for (const asking of [plan, everySecond, doubling]) {
    const cost = costOf(asking, prior);
    const played = figuresOf(latencies.map((latency) => ask(asking, latency)));
    assert.ok(Math.abs(cost.gets - played.gets) < 0.15, `${cost.gets}, played ${played.gets}`);
    assert.ok(
      Math.abs(cost.lag - played.lag) < 0.05 * played.lag + 20,
      `${cost.lag}, ${played.lag}`,
    );
  }
});

test('a plan that cannot be made is refused with what was given', () => {
  assert.throws(() => planFrom(prior, { gets: 0, longest, explore: null }), {
    name: 'RangeError',
    message: /got 0 and/,
  });
});

const lives = { count: 3_000, rate: 5, gets: 10, known: prior };

test('uniform 10–20 s: a lag of 0.7 s or less for 4.5 GETs or less', () => {
  const { polled } = live({ ...lives, latency: uniform(10_000, 20_000) });
  const { gets, lag, p50 } = figuresOf(polled.slice(500));
  assert.ok(gets <= 4.5 && lag <= 700 && p50 <= 700, `${gets} GETs, ${lag} ms, median ${p50} ms`);
});

test('when 10–20 s become 25–40 s it has learned that within 1,000 registrations', () => {
  const { known } = live({ ...lives, latency: uniform(10_000, 20_000) });
  const { polled, known: after } = live({
    ...lives,
    known,
    latency: uniform(25_000, 40_000),
    seed: 2,
  });
  const { gets, lag } = figuresOf(polled.slice(1_000, 1_500));
  // A range half as wide again: as many GETs, and half as much lag again.
  assert.ok(gets <= 4.7 && lag <= 1_050, `${gets} GETs, ${lag} ms`);
  const [first = 0] = planFrom(after, { gets: 10, longest, explore: null }).offsets;
  assert.ok(first > 24_000, `${first}`);
});

test('when 10–20 s become 2–4 s it has learned that within 1,000 registrations', () => {
  const { known } = live({ ...lives, latency: uniform(10_000, 20_000) });
  const { polled } = live({ ...lives, known, latency: uniform(2_000, 4_000), seed: 2 });
  const { gets, lag } = figuresOf(polled.slice(1_000, 1_500));
  assert.ok(gets <= 5 && lag <= 200, `${gets} GETs, ${lag} ms`);
});

for (const [name, latency] of Object.entries({ bimodal, heavyTailed })) {
  test(`${name}: less than half the lag of doubling pauses, for no more GETs than planned on average`, () => {
    const { polled } = live({ ...lives, latency });
    const settled = polled.slice(1_000);
    const learned = figuresOf(settled);
    const doubled = figuresOf(settled.map((each) => ask(doubling, each.latency)));
    assert.ok(learned.lag < doubled.lag / 2, `${learned.lag} ms, ${doubled.lag} ms`);
    assert.ok(learned.gets <= expectedGets(10), `${learned.gets} GETs`);
  });
}

test('a plan that is jittered ascends, keeps near to the plan, and asks no earlier than was seen', () => {
  fc.assert(
    fc.property(
      anyKnown,
      anyGets,
      fc.double({ min: 0, max: 1, noNaN: true }),
      (known, gets, share) => {
        const plan = planFrom(known, { gets, longest, explore: null });
        const { offsets } = jittered(plan, share);
        assert.ok(offsets.length >= 1 && offsets.length <= plan.offsets.length);
        offsets.forEach((offset, at) => assert.ok(offset > (offsets[at - 1] ?? 0), offsets.join()));
        const [first = 0, second = first] = plan.offsets;
        assert.ok((offsets[0] ?? 0) >= Math.floor(first - (second - first) / 10));
      },
    ),
  );
});

test('runs of one moment get polls at different times, by their ids', () => {
  const plan = planFrom(prior, { gets: 10, longest, explore: null });
  const firsts = new Set(
    Array.from({ length: 50 }, (_, n) => jittered(plan, drawFor(`run-${n}`)).offsets[0]),
  );
  assert.ok(firsts.size > 20, `${firsts.size} different first polls`);
});

test('a run keeps its plan as long as the newest is about as good, jittered or exploring as it may be', () => {
  fc.assert(
    fc.property(fc.double({ min: 0, max: 1, noNaN: true }), (share) => {
      const usual = planFrom(prior, { gets: 10, longest, explore: null });
      const explore = { count: 1, polls: 1, share };
      const exploring = planFrom(prior, { gets: 10, longest, explore });
      assert.equal(betterThan(usual, usual, prior), null);
      assert.equal(betterThan(jittered(usual, share), usual, prior), null);
      assert.equal(betterThan(jittered(exploring, share), usual, prior), null);
    }),
  );
});

test('a run gets the newest plan when the latency has moved away from under its own', () => {
  const old = planFrom(prior, { gets: 10, longest, explore: null });
  const slower = priorOf({ min: 25_000, max: 40_000 });
  const newest = planFrom(slower, { gets: 10, longest, explore: null });
  assert.deepEqual(betterThan(old, newest, slower), newest);
});

test('a plan is far sooner than another when its first poll is, and not by a jitter', () => {
  const plan = planFrom(prior, { gets: 10, longest, explore: null });
  const quick = planFrom(hastened(prior, 5_000), { gets: 10, longest, explore: null });
  assert.deepEqual([isFarSooner(quick, plan), isFarSooner(plan, quick)], [true, false]);
  assert.equal(isFarSooner(jittered(plan, 0), jittered(plan, 1)), false);
});
