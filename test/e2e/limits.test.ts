/** Limits that two workers keep together, set and unset while they run. */
import assert from 'node:assert/strict';
import { join } from 'node:path';
import { after, afterEach, test } from 'node:test';
import { z } from 'zod';
import { startChild } from '../../src/runtime/child.ts';
import { eventually } from '../helpers/eventually.ts';
import { flowOf } from '../helpers/flow.ts';
import { startSystem } from '../helpers/system.ts';

// Small batches, so that both workers have some.
const env = { DESPACHANTE_INTAKE_BATCH_SIZE: '5', DESPACHANTE_LEGACY_MAX_CONCURRENT: '9' };
const system = await startSystem({ after, afterEach }, { env });
const flow = flowOf(system);
const second = await startChild({
  args: ['worker', '--port', '0'],
  env: system.env,
  logFile: join(system.folder, 'second-worker.log'),
});
after(() => second.stop());
const workers = [system.child('worker'), second];

const shown = z.object({
  limits: z.array(
    z.object({
      limit: z.string(),
      inForce: z.number().nullable(),
      configured: z.number().nullable(),
      set: z.boolean(),
    }),
  ),
  workers: z.array(z.object({ share: z.number() })),
  inFlight: z.number().nullable(),
});
const limits = async (...args: string[]) => shown.parse(await flow.json('limits', ...args));
const inForce = async () =>
  Object.fromEntries((await limits()).limits.map(({ limit, inForce }) => [limit, inForce]));
const shares = async () => (await limits()).workers.map(({ share }) => share).sort();

async function counted(port: number | undefined, start: string): Promise<number> {
  const text = await (await fetch(`http://127.0.0.1:${port ?? 0}/metrics`)).text();
  const lines = text.split('\n').filter((line) => line.startsWith(start));
  return lines.reduce((sum, line) => sum + Number(line.split(' ').at(-1)), 0);
}

/** Waits until every worker has read that a limit is so; 0 for none. */
const isKnown = (limit: string, value: number) =>
  eventually(`all know that ${limit} is ${value}`, async () => {
    for (const { facts } of workers) {
      const sample = `despachante_limit{endpoint="legacy",limit="${limit}"}`;
      assert.equal(await counted(facts.health, sample), value);
    }
  });

const acceptedAt = (prefix: string): number[] =>
  system.simulator
    .ledger()
    .flatMap((entry) =>
      entry.event === 'accepted' && entry.id.startsWith(prefix) ? [entry.at] : [],
    )
    .sort((a, b) => a - b);

test('maxConcurrent is divided between the workers, and never exceeded by both together', async () => {
  await eventually('each has its share', async () => assert.deepEqual(await shares(), [4, 5]));
  await flow.json('limits', 'set', 'maxConcurrent=3');
  await eventually('of less they have less', async () => assert.deepEqual(await shares(), [1, 2]));
  await flow.json('limits', 'unset', 'maxConcurrent');
  await eventually('and then more again', async () => assert.deepEqual(await shares(), [4, 5]));
});

test('maxSubmitsPerSecond, set while they run, holds for both together, and both submit', async () => {
  await flow.json('limits', 'set', 'maxSubmitsPerSecond=20');
  await isKnown('maxSubmitsPerSecond', 20);
  await flow.publishMany('rate', 120);
  await flow.allRegistered('rate', 120);
  const times = acceptedAt('rate');
  const seconds = ((times.at(-1) ?? 0) - (times[0] ?? 0)) / 1000;
  // A tenth of a second's worth may come together, at both ends.
  assert.ok(119 / seconds <= 20 * 1.1, `${119 / seconds} a second`);
  for (const { facts } of workers) {
    assert.ok((await counted(facts.health, 'despachante_submissions_total')) > 0);
  }
  assert.equal(system.simulator.stats().filedTwice, 0);
});

test('maxGetsPerSecond holds for both together, and nobody fails for it', async () => {
  await flow.json('limits', 'unset');
  await flow.json('limits', 'set', 'maxGetsPerSecond=15');
  await isKnown('maxGetsPerSecond', 15);
  const before = system.simulator.stats().gets;
  const since = Date.now();
  await flow.publishMany('gets', 60);
  await flow.allRegistered('gets', 60);
  const gets = system.simulator.stats().gets - before;
  const perSecond = (gets * 1000) / (Date.now() - since);
  assert.ok(perSecond <= 15 * 1.1, `${gets} GETs, ${perSecond} a second`);
});

test('at maxInFlight no more is submitted than one for each other worker, until something is settled, and intake takes nothing meanwhile', async () => {
  await flow.json('limits', 'unset');
  await isKnown('maxGetsPerSecond', 0);
  await flow.json('limits', 'set', 'maxInFlight=10');
  await isKnown('maxInFlight', 10);
  await flow.publishMany('flight', 40, { simulate: { latencyMs: 2_000 } });
  await eventually('intake is closed', async () => {
    const { text } = await flow.ask('intake', '/ready');
    assert.match(text, /"limits":"a limit holds requests back"/);
  });
  // Two workers: see docs/decisions/0013-limits-across-workers.md.
  const most = 10 + 1;
  assert.ok(((await limits()).inFlight ?? 99) <= most);
  await flow.allRegistered('flight', 40);
  const claims = await system.store.claims.collection
    .find({ item: { $regex: '^flight' } })
    .toArray();
  const settledAt = new Map(claims.map((claim) => [claim.item, claim.settledAt]));
  const accepted = system.simulator
    .ledger()
    .flatMap((entry) => (entry.event === 'accepted' && settledAt.has(entry.id) ? [entry] : []));
  for (const { at } of accepted) {
    const open = accepted.filter(
      (other) => other.at <= at && (settledAt.get(other.id)?.getTime() ?? 0) > at,
    );
    assert.ok(open.length <= most, `${open.length} in flight`);
  }
});

test('without limits set the configuration counts, and faults of the command line are told', async () => {
  await flow.json('limits', 'unset');
  assert.deepEqual(await inForce(), {
    maxConcurrent: 9,
    maxSubmitsPerSecond: null,
    maxGetsPerSecond: null,
    maxInFlight: null,
  });
  for (const [words, told] of [
    [['maxInFlight=0'], /maxInFlight: expected a whole number from 1 to 10000000, or none/],
    [['maxConcurrent=none'], /maxConcurrent: expected a whole number from 1 to 10000/],
    [['maxinflight=1'], /Expected one of maxConcurrent, /],
    [['maxInFlight'], /Expected a limit and its value/],
  ] as const) {
    const { code, stderr } = await flow.cli('limits', 'set', ...words);
    assert.equal(code, 2);
    assert.match(stderr, told);
  }
});
