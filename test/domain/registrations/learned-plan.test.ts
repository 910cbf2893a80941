import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { learn, priorOf, quantileOf } from '../../../src/domain/registrations/latency.ts';
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
  jittered,
  planFrom,
} from '../../../src/domain/registrations/learned-plan.ts';
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

test('an exploring plan asks once, and only once, before anything was seen, within the same budget', () => {
  fc.assert(
    fc.property(
      anyKnown,
      anyGets,
      fc.double({ min: 0, max: 0.99, noNaN: true }),
      (known, gets, explore) => {
        const { offsets } = planFrom(known, { gets, longest, explore });
        assert.ok(offsets.length <= gets);
        offsets.forEach((offset, at) => assert.ok(offset > (offsets[at - 1] ?? 0), offsets.join()));
        const earliest = quantileOf(known, 0.005);
        assert.ok(offsets.slice(1).every((offset) => offset >= Math.floor(earliest)));
        if (gets > 1) assert.ok((offsets[0] ?? 0) <= Math.ceil(earliest));
      },
    ),
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

test('a few per cent of the runs explore, the same ones whenever they are asked', () => {
  const drawn = Array.from({ length: 20_000 }, (_, n) => exploreFor(`registrations/r-${n}/4f1c`));
  const share = drawn.filter((explore) => explore !== null).length / drawn.length;
  assert.ok(Math.abs(share - EXPLORING) < 0.01, `${share}`);
  assert.ok(drawn.every((explore) => explore === null || (explore >= 0 && explore < 1)));
  assert.equal(exploreFor('registrations/r-7/4f1c'), drawn[7]);
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
      const exploring = planFrom(prior, { gets: 10, longest, explore: share });
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
