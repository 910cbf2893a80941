/** Many failures sent in again: starter or worker killed in the middle, stopped, tried on a few first, never filed twice. */
import assert from 'node:assert/strict';
import { once } from 'node:events';
import { after, afterEach, test } from 'node:test';
import { isMapping } from '../../src/config/tree.ts';
import { start } from '../commands/cli.ts';
import { eventually } from '../helpers/eventually.ts';
import { flowOf } from '../helpers/flow.ts';
import { uniqueName } from '../helpers/servers.ts';
import { startSystem } from '../helpers/system.ts';

const system = await startSystem(
  { after, afterEach },
  // The legacy system is in this process: of thousands at once some answers are late on a busy machine, and would be in doubt.
  { env: { DESPACHANTE_LEGACY_TIMEOUT: '60s' } },
);
const flow = flowOf(system);
const { failureQueue, intakeQueue } = system.config.rabbit;
const { claims } = system.store;

const refused = { simulate: { refuse: 'CPF inválido', refuseTimes: 1 } };

const claimsOf = (prefix: string, generation: number, outcome?: string): Promise<number> =>
  claims.collection.countDocuments({
    item: { $regex: `^${prefix}-` },
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

const canary = (...args: string[]) =>
  flow.cli('failures', 'redrive', '--all', '--yes', '--canary', ...args);

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
  await flow.json('failures', 'redrive', '--all', '--yes');
  await count('the two are registered', 2, () => claimsOf(prefix, 2, 'registered'));
  await system.hasDepth(failureQueue, 4);
  await flow.json('failures', 'redrive', '--all', '--yes');
  await count('the four, too', 6, () => claimsOf(prefix, 2, 'registered'));
});

test('a canary that has no outcome in time stops the redrive', async () => {
  const prefix = uniqueName();
  await flow.publishMany(prefix, 3, { simulate: { ...refused.simulate, latencyMs: 6_000 } });
  await system.hasDepth(failureQueue, 3);
  const { code, stderr } = await canary('1', '--canary-timeout', '1s', '--json');
  assert.equal(code, 1);
  assert.match(stderr, /1 of 1 were not registered \(.* has no outcome within --canary-timeout/);
  await system.hasDepth(failureQueue, 2);
  await flow.json('failures', 'redrive', '--all', '--yes');
  await count('all are registered', 3, () => claimsOf(prefix, 1, 'registered'));
});

const redrive = ['failures', 'redrive', '--class', 'rejected', '--yes'];
const status = async (): Promise<Record<string, unknown>> => {
  const found = await flow.json('redrive', 'status');
  assert.ok(isMapping(found));
  return found;
};
const hasEnded = (): Promise<void> =>
  eventually('the redrive has ended', async () =>
    assert.equal((await status())['isRunning'], false),
  );

/** So many that were refused, and will be taken the next time. */
async function refusedOnce(total: number): Promise<string> {
  const prefix = uniqueName();
  await flow.publishMany(prefix, total, refused);
  await count('all are rejected', total, () => claimsOf(prefix, 0, 'rejected'));
  await system.hasDepth(failureQueue, total);
  return prefix;
}

/** Waits until at least so many of these were claimed again. */
const redriven = (prefix: string, some: number): Promise<void> =>
  eventually(`${some} are claimed again`, async () =>
    assert.ok((await claimsOf(prefix, 1)) >= some),
  );

/** Each was registered as generation 1, and filed once. */
async function eachOnce(prefix: string, total: number): Promise<void> {
  await count('all are registered', total, () => claimsOf(prefix, 1, 'registered'));
  await system.hasDepth(failureQueue, 0);
  assert.equal(await claimsOf(prefix, 2), 0);
  const times = filings(prefix);
  assert.equal(times.size, total);
  assert.deepEqual(new Set(times.values()), new Set([1]));
}

test('a redrive goes on to its end when whoever began it is killed', async () => {
  const total = 200;
  const prefix = await refusedOnce(total);
  const child = start([...redrive, '--rate', '30'], system.folder, system.env);
  const ended = once(child, 'close');
  await redriven(prefix, total / 10);
  child.kill('SIGKILL');
  await ended;
  assert.equal(child.signalCode, 'SIGKILL', 'it had ended by itself');
  assert.equal((await status())['isRunning'], true);
  await hasEnded();
  await eachOnce(prefix, total);
});

test('a redrive whose worker is killed goes on with the next one: nothing is lost, and each is filed once', async () => {
  const total = 300;
  const prefix = await refusedOnce(total);
  // What a killed worker had sent to the legacy system would be in doubt: nothing is filed until the redrive has ended.
  await system.stop('intake');
  await flow.json(...redrive, '--rate', '30', '--detach');
  await eventually('a tenth is sent', async () =>
    assert.ok((await system.depth(intakeQueue)) >= total / 10),
  );
  // It notes them once they are out of the failure queue: killed before, it may leave all of them there.
  await eventually('the first are taken out', async () =>
    assert.match(JSON.stringify((await status())['latest']), /"progress":\{"sent":[1-9]/),
  );
  await system.kill('worker');
  const left = await system.depth(failureQueue);
  assert.ok(left < total, `${left} are there`);
  assert.equal((await status())['isRunning'], true);
  await system.start('worker');
  await hasEnded();
  await system.hasDepth(failureQueue, 0);
  assert.ok((await system.depth(intakeQueue)) >= total);
  await system.start('intake');
  await eachOnce(prefix, total);
});

test('a redrive that is told to stop leaves the rest in the failure queue, and a second one is refused while it runs', async () => {
  const total = 250;
  const prefix = await refusedOnce(total);
  const child = start([...redrive, '--rate', '10', '--operator', 'ana'], system.folder, system.env);
  const ended = once(child, 'close');
  let said = '';
  child.stderr.on('data', (chunk: Buffer) => (said += chunk.toString()));
  await redriven(prefix, 10);
  const second = await flow.cli(...redrive);
  assert.equal(second.code, 1);
  assert.match(second.stderr, /A redrive runs already: begun by ana at 20.* redrive stop/);
  await flow.json('redrive', 'stop', '--operator', 'rui', '--because', 'too fast');
  await ended;
  assert.equal(child.exitCode, 1);
  assert.match(said, /Stopped: the rest stays in the failure queue/);
  const left = await system.depth(failureQueue);
  assert.ok(left > 0 && left < total, `${left} are there`);
  await count('what was sent is claimed', total - left, () => claimsOf(prefix, 1));
  assert.match((await flow.cli('redrive', 'status')).stdout, /ended at .* sent again, .*; stopped/);
  assert.equal((await flow.cli('redrive', 'stop')).code, 4);
  await flow.json(...redrive);
  await eachOnce(prefix, total);
});

test('Ctrl-C leaves it running, and says how to follow and how to stop it', async () => {
  const total = 100;
  const prefix = await refusedOnce(total);
  const child = start([...redrive, '--rate', '20'], system.folder, system.env);
  const ended = once(child, 'close');
  let said = '';
  child.stderr.on('data', (chunk: Buffer) => (said += chunk.toString()));
  await redriven(prefix, 10);
  child.kill('SIGINT');
  await ended;
  assert.equal(child.exitCode, 1);
  assert.match(said, /it goes on\..*redrive status.*redrive stop/);
  await hasEnded();
  await eachOnce(prefix, total);
});

test('without a worker nothing is begun: exit code 1, and what to do', async () => {
  await system.stop('worker');
  const { code, stderr } = await flow.cli('failures', 'redrive', '--all', '--yes');
  await system.start('worker');
  assert.equal(code, 1);
  assert.match(stderr, /No worker is running.*: start one .* Nothing was changed/);
  assert.equal((await status())['isRunning'], false);
});

test('the sum over all of this holds', async () => {
  const report = await flow.audit();
  assert.ok(report.holds, JSON.stringify(report));
});
