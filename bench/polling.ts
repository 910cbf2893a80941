/**
 * Lag against GETs, simulated, for latencies of several shapes: learned plans of several budgets beside fixed and doubling
 * pauses; and a burst with nothing learned, with those that explore and without. `node dist/bench/polling.js` writes bench/results/polling.json and docs/images/polling.svg.
 */
import { writeFileSync } from 'node:fs';
import { priorOf } from '../src/domain/registrations/latency.ts';
import { byPlan, planFrom, type Asking } from '../src/domain/registrations/learned-plan.ts';
import { burst } from './cold-world.ts';
import { ask, bimodal, figuresOf, heavyTailed, live, uniform } from './latency-world.ts';
import type { Latency } from './latency-world.ts';
import { polling } from './polling-chart.ts';

const COUNT = 4_000;
/** The first ones are still learned from; not counted, except where the latency drifts. */
const WARM = 1_000;
const first = uniform(10_000, 20_000);
const later = uniform(25_000, 40_000);
const drifting: Latency = (draw, n) => (n < COUNT / 2 ? first(draw, n) : later(draw, n));
const shapes: Record<string, Latency> = {
  'uniform 10–20 s': first,
  'bimodal 3–5 s, 40–50 s': bimodal,
  'heavy-tailed, median 8 s': heavyTailed,
  'drifting to 25–40 s': drifting,
};

const fixed =
  (pause: number): Asking =>
  (elapsed) =>
    elapsed + pause;
const growing =
  (pause: number): Asking =>
  (elapsed) =>
    2 * elapsed + pause;

const rounded = (name: string, { gets, lag, p50, p99 }: ReturnType<typeof figuresOf>) => ({
  name,
  gets: Math.round(gets * 100) / 100,
  lag: Math.round(lag),
  p50: Math.round(p50),
  p99: Math.round(p99),
});

const results = Object.entries(shapes).map(([shape, latency]) => {
  const lives = { latency, count: COUNT, rate: 5, known: priorOf({ min: 10_000, max: 20_000 }) };
  const latencies = live({ ...lives, gets: 10 })
    .polled.slice(WARM)
    .map((each) => each.latency);
  const played = (asking: Asking) => figuresOf(latencies.map((each) => ask(asking, each)));
  return {
    shape,
    learned: [3, 4, 6, 8, 10, 14, 20, 30].map((gets) =>
      rounded(`${gets} planned`, figuresOf(live({ ...lives, gets }).polled.slice(WARM))),
    ),
    fixed: [1, 1.5, 2, 3, 4, 6, 8].map((s) => rounded(`each ${s} s`, played(fixed(s * 1_000)))),
    doubling: [0.25, 0.5, 1, 2, 3, 4].map((s) =>
      rounded(`from ${s} s`, played(growing(s * 1_000))),
    ),
  };
});

const expected = { min: 10_000, max: 20_000 };
/** Accepted as quickly as two cores do it, in runs of 250; the plan is made for 10–20 s. */
const coldBurst = { count: 2_000, size: 250, rate: 700, expected, gets: 10 };
const cold = Object.entries({ '2–4 s': uniform(2_000, 4_000), '10–20 s': first }).map(
  ([shape, latency]) => {
    const polled = burst({ ...coldBurst, latency });
    const alone = byPlan(planFrom(priorOf(expected), { gets: 10, longest: 60_000, explore: null }));
    return {
      ...rounded(`cold: ${shape}, nothing learned`, figuresOf(polled)),
      ...{ count: coldBurst.count, runsOf: coldBurst.size, acceptedPerSecond: coldBurst.rate },
      unexplored: rounded(
        'nobody explores',
        figuresOf(polled.map((each) => ask(alone, each.latency))),
      ),
    };
  },
);

const facts = {
  simulated: true,
  count: COUNT,
  notCounted: WARM,
  perSecond: 5,
  lagsIn: 'ms',
  cold,
  results,
};
writeFileSync('bench/results/polling.json', `${JSON.stringify(facts, null, 2)}\n`);
writeFileSync('docs/images/polling.svg', polling(results));
for (const { name, gets, p50, unexplored } of cold)
  process.stdout.write(
    `${name}: ${gets.toFixed(1)} GETs, p50 ${p50} ms (where nobody explores ${unexplored.gets.toFixed(1)}, ${unexplored.p50} ms)\n`,
  );
for (const { shape, learned, fixed: every, doubling } of results) {
  process.stdout.write(`${shape}\n`);
  for (const { name, gets, lag } of [...learned, ...every, ...doubling])
    process.stdout.write(`  ${name.padEnd(12)} ${gets.toFixed(1).padStart(5)} GETs  ${lag} ms\n`);
}
