/** Thousands of failures sent in again: killed in the middle, tried on a few first, never filed twice. */
import assert from 'node:assert/strict';
import { once } from 'node:events';
import { after, afterEach, test } from 'node:test';
import { start } from '../commands/cli.ts';
import { eventually } from '../helpers/eventually.ts';
import { flowOf } from '../helpers/flow.ts';
import { uniqueName } from '../helpers/servers.ts';
import { startSystem } from '../helpers/system.ts';

const system = await startSystem({ after, afterEach });
const flow = flowOf(system);
const { failureQueue } = system.config.rabbit;
const { claims } = system.store;

const refused = { simulate: { refuse: 'CPF inválido', refuseTimes: 1 } };

const claimsOf = (prefix: string, generation: number, outcome?: string): Promise<number> =>
  claims.collection.countDocuments({
    registration: { $regex: `^${prefix}-` },
    generation,
    ...(outcome === undefined ? {} : { 'outcome.kind': outcome, settledAt: { $ne: null } }),
  });

const count = (what: string, wanted: number, found: () => Promise<number>): Promise<void> =>
  eventually(what, async () => assert.equal(await found(), wanted));

/** Ids by how often the legacy system has accepted each. */
function filings(prefix: string): Map<string, number> {
  const times = new Map<string, number>();
  for (const entry of system.simulator.ledger()) {
    if (entry.event !== 'accepted' || !entry.id.startsWith(`${prefix}-`)) continue;
    times.set(entry.id, (times.get(entry.id) ?? 0) + 1);
  }
  return times;
}

const canary = (...args: string[]) => flow.cli('failures', 'redrive', '--all', '--canary', ...args);

test('canaries that are registered let the others follow', async () => {
  const prefix = uniqueName();
  await flow.publishMany(prefix, 12, refused);
  await system.hasDepth(failureQueue, 12);
  const { code, stdout, stderr } = await canary('3');
  assert.equal(code, 0, stderr);
  assert.match(stdout, /Sent 12 to .*; 0 left/);
  assert.match(stdout, /The canaries were registered, all 3/);
  await count('all are registered', 12, () => claimsOf(prefix, 1, 'registered'));
});

test('a canary that fails stops the redrive: exit code 1, what became of it, and the others untouched', async () => {
  const prefix = uniqueName();
  await flow.publishMany(prefix, 6, { simulate: { refuse: 'CPF inválido', refuseTimes: 2 } });
  await system.hasDepth(failureQueue, 6);
  const { code, stderr, stdout } = await canary('2');
  assert.equal(code, 1);
  assert.match(
    stderr,
    /Stopped after the canaries: 2 of 2 were not registered \(.* ended as rejec/,
  );
  assert.match(stdout, /Sent 2 to .*; 4 left/);
  // The two that failed have come back as records of their next generation.
  await system.hasDepth(failureQueue, 6);
  assert.equal(await claimsOf(prefix, 1), 2);
  await flow.json('failures', 'redrive', '--all');
  await count('the two are registered', 2, () => claimsOf(prefix, 2, 'registered'));
  await system.hasDepth(failureQueue, 4);
  await flow.json('failures', 'redrive', '--all');
  await count('the four, too', 6, () => claimsOf(prefix, 2, 'registered'));
});

test('a canary that has no outcome in time stops the redrive', async () => {
  const prefix = uniqueName();
  await flow.publishMany(prefix, 3, refused);
  await system.hasDepth(failureQueue, 3);
  await system.stop('worker');
  const { code, stderr } = await canary('1', '--canary-timeout', '1s', '--json');
  assert.equal(code, 1);
  assert.match(stderr, /1 of 1 were not registered \(.* has no outcome within --canary-timeout/);
  await system.hasDepth(failureQueue, 2);
  await system.start('worker');
  await flow.json('failures', 'redrive', '--all');
  await count('all are registered', 3, () => claimsOf(prefix, 1, 'registered'));
});

test('a redrive of 2,000 that is killed in the middle and run again registers each once, and files none twice', async () => {
  const prefix = uniqueName();
  const total = 2_000;
  await flow.publishMany(prefix, total, refused);
  await count('all are rejected', total, () => claimsOf(prefix, 0, 'rejected'));
  await system.hasDepth(failureQueue, total);
  const args = ['failures', 'redrive', '--class', 'rejected', '--yes'];
  const deliveries = () => flow.metric('intake', 'despachante_deliveries_total');
  const before = await deliveries();
  const child = start([...args, '--rate', '150'], system.folder, system.env);
  const ended = once(child, 'close');
  let said = '';
  for (const stream of [child.stdout, child.stderr]) {
    stream.on('data', (chunk: Buffer) => (said += chunk.toString()));
  }
  await eventually('intake has had a quarter', async () => {
    assert.ok((await deliveries()) >= before + total / 4);
  });
  child.kill('SIGKILL');
  await ended;
  assert.equal(child.signalCode, 'SIGKILL', `it had ended by itself: ${said}`);
  const left = await system.depth(failureQueue);
  assert.ok(left > 0 && left < total, `${left} are there`);
  // The broker gives back what the killed one held in its own time, so that one more run may have something to do.
  await eventually('the rest is redriven', async () => {
    await flow.json(...args);
    assert.equal(await system.depth(failureQueue), 0);
  });
  await count('all are registered', total, () => claimsOf(prefix, 1, 'registered'));
  await system.hasDepth(failureQueue, 0);
  assert.equal(await claimsOf(prefix, 2), 0);
  const times = filings(prefix);
  assert.equal(times.size, total);
  assert.deepEqual(new Set(times.values()), new Set([1]));
});

test('the sum over all of this holds', async () => {
  const report = await flow.audit();
  assert.ok(report.holds, JSON.stringify(report));
});
