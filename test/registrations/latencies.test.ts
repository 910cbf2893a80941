import assert from 'node:assert/strict';
import { test } from 'node:test';
import { BINS, learn, priorOf, quantileOf } from '../../src/domain/registrations/latency.ts';
import type { Interval } from '../../src/domain/registrations/latency.ts';
import { drawFor, jittered } from '../../src/domain/registrations/learned-plan.ts';
import { openLatencies } from '../../src/registrations/latencies.ts';
import { createLearner } from '../../src/registrations/learner.ts';
import { silent } from '../../src/runtime/log.ts';
import { createMetrics } from '../../src/runtime/metrics.ts';
import { createPlans } from '../../src/registrations/plans.ts';
import { planOf } from '../../src/registrations/rules.ts';
import { testConfig } from '../helpers/configuration.ts';
import { testDatabase } from '../helpers/servers.ts';

const config = testConfig();
const seen = (count: number, from = 30_000): Interval[] =>
  Array.from({ length: count }, () => ({ after: from, upTo: from + 1_000 }));
const prior = priorOf(config.legacy.expectedLatency);
const learned = learn(prior, seen(1_000), 1_700_000_000_000);

test('what several workers saw at the same time is all there, and outlives them', async (t) => {
  const { db } = await testDatabase(t);
  const workers = Array.from({ length: 4 }, () => openLatencies(db, config));
  assert.deepEqual(await openLatencies(db, config).read(), prior);
  await Promise.all(workers.flatMap((worker) => [worker.add(seen(10)), worker.add(seen(5))]));
  const known = await openLatencies(db, config).read();
  assert.equal(known.count, 60);
  assert.equal(known.weights.length, BINS);
  const [document, ...others] = await openLatencies(db, config).collection.find().toArray();
  assert.deepEqual(others, []);
  assert.equal(document?.version, 8);
  assert.ok(JSON.stringify(document).length < 8_000);
});

test('each legacy system has what was seen of it', async (t) => {
  const { db } = await testDatabase(t);
  await openLatencies(db, config).add(seen(1_000));
  const other = openLatencies(db, testConfig({ legacyUrl: 'http://elsewhere.example' }));
  assert.deepEqual(await other.read(), prior);
  await other.add(seen(1, 5_000));
  const [one, two] = [await openLatencies(db, config).read(), await other.read()];
  assert.deepEqual([one.count, two.count], [1_000, 1]);
  assert.ok(Math.abs(quantileOf(one, 0.5) - 30_500) < 500);
});

const unmoved = { hasten: () => false, refresh: () => Promise.resolve() };

test('a worker keeps what it cannot write, and writes it at its end', async () => {
  const written: Interval[] = [];
  let isAway = true;
  const add = (some: readonly Interval[]): Promise<void> => {
    if (isAway) return Promise.reject(new Error('away'));
    written.push(...some);
    return Promise.resolve();
  };
  const learner = createLearner({ add }, unmoved, silent, 3_600_000);
  for (const each of seen(3)) learner.observe(each);
  await learner.flush();
  assert.deepEqual(written, []);
  isAway = false;
  for (const each of seen(2)) learner.observe(each);
  await learner.close();
  assert.deepEqual(written, seen(5));
});

const plansOf = (read: Parameters<typeof createPlans>[3], changes = config) =>
  createPlans(changes, createMetrics(), silent, read, 3_600_000);
/** None of these explores. */
const RUN = 'run';

test('as long as nothing was seen, runs have the plan of the configuration', async () => {
  const plans = plansOf({ read: () => Promise.resolve(prior) });
  await plans.refresh();
  const { exploring, ...plan } = plans.planFor(RUN, 250);
  const { offsets, ...rest } = planOf(config, prior);
  assert.deepEqual(plan, { ...jittered({ offsets, ...rest }, drawFor(`${RUN} jitter`)) });
  assert.equal(exploring?.count, 8);
  assert.ok((exploring.offsets[0] ?? 0) < 3_000);
  await plans.close();
});

test('new runs have the plan of what is known now, and a few of them ask early', async () => {
  let known = prior;
  const plans = plansOf({ read: () => Promise.resolve(known) });
  await plans.refresh();
  known = learned;
  await plans.refresh();
  const made = Array.from({ length: 1_000 }, (_, n) => plans.planFor(`${n}`, 250));
  const early = made.filter(({ exploring }) => (exploring?.offsets[0] ?? Infinity) < 29_000);
  assert.ok(early.every(({ exploring }) => exploring?.count === 250));
  assert.ok(early.length > 5 && early.length < 100, `${early.length}`);
  assert.ok((plans.planFor(RUN, 250).offsets[0] ?? 0) > 29_000);
  await plans.close();
});

test('when what is known cannot be read the last plan stays', async () => {
  let read = () => Promise.resolve(learned);
  const plans = plansOf({ read: () => read() });
  await plans.refresh();
  const before = plans.planFor(RUN, 250);
  read = () => Promise.reject(new Error('away'));
  await plans.refresh();
  assert.deepEqual(plans.planFor(RUN, 250), before);
  await plans.close();
});

test('what those that explore have seen is known to their process at once, and to the others through MongoDB', async (t) => {
  const { db } = await testDatabase(t);
  const processOf = () => {
    const latencies = openLatencies(db, config);
    const plans = plansOf({ read: () => latencies.read() });
    return { plans, learner: createLearner(latencies, plans, silent, 3_600_000) };
  };
  const [mine, other] = [processOf(), processOf()];
  const current = mine.plans.planFor(RUN, 250);
  assert.equal(mine.plans.replan(current, false), null);
  mine.learner.hasten(3_000);
  const newest = mine.plans.replan(current, false);
  assert.ok(newest !== null && (newest.offsets[0] ?? 0) < 3_000);
  assert.equal(mine.plans.replan(newest, false), null);
  await mine.learner.close();
  await other.plans.refresh();
  assert.deepEqual(other.plans.replan(current, false), newest);
  await Promise.all([mine.plans.close(), other.learner.close(), other.plans.close()]);
});
