/** The circuit breaker: a storm stops everybody, one probe asks, and nobody fails for it. */
import assert from 'node:assert/strict';
import { join } from 'node:path';
import { after, afterEach, test } from 'node:test';
import { OWN } from '../../src/mongo/collections.ts';
import { startChild } from '../../src/runtime/child.ts';
import { eventually } from '../helpers/eventually.ts';
import { flowOf } from '../helpers/flow.ts';
import { uniqueName } from '../helpers/servers.ts';
import { startSystem } from '../helpers/system.ts';

// Small batches, so that both workers have some.
const env = {
  DESPACHANTE_INTAKE_BATCH_SIZE: '10',
  DESPACHANTE_LEGACY_MAX_CONCURRENT: '32',
  DESPACHANTE_TEST_CONSTANTS: 'breaker.minRequests=5 breaker.rest=2000 breaker.rampUp=2000',
};
const system = await startSystem({ after, afterEach }, { env });
const flow = flowOf(system);
const { simulator } = system;
const { intakeQueue } = system.rabbit;
const second = await startChild({
  args: ['worker', '--port', '0'],
  env: system.env,
  logFile: join(system.folder, 'second-worker.log'),
});
after(() => second.stop());

const metricOf = async (port: number | undefined, sample: string): Promise<string | undefined> => {
  const text = await (await fetch(`http://127.0.0.1:${port ?? 0}/metrics`)).text();
  return text
    .split('\n')
    .find((line) => line.startsWith(`${sample} `))
    ?.slice(sample.length + 1);
};
const ports = () => [system.child('worker').facts.health, second.facts.health];
const isOpenEverywhere = (value: '0' | '1') =>
  eventually(`the breaker of both workers is ${value}, and intake knows`, async () => {
    for (const port of ports()) {
      assert.equal(await metricOf(port, 'despachante_breaker_open{endpoint="legacy"}'), value);
    }
    const held = 'despachante_intake_closed{source="registrations",by="breaker"}';
    assert.equal(await metricOf(system.child('intake').facts.health, held), value);
  });

const DAY_MS = 86_400_000;
const storm = () => simulator.script({ bursts: [{ fromMs: 0, toMs: DAY_MS, status: 503 }] });
const calm = () => simulator.script({ bursts: [] });

test('a storm of 503 opens it for both workers and for intake, and the backlog stays in RabbitMQ', async () => {
  await flow.publishMany('before', 20, { simulate: { latencyMs: 1_500 } });
  await eventually('they are accepted', () => assert.equal(simulator.stats().accepted, 20));
  storm();
  await flow.publishMany('storm', 40);
  await isOpenEverywhere('1');
  await flow.publishMany('late', 25);
  await system.hasDepth(intakeQueue, 25);
  const { status, text } = await flow.ask('intake', '/ready');
  assert.equal(status, 200);
  assert.match(text, /"closedBy":\{"breaker":"the circuit breaker is (open|probing): HTTP 503"\}/);
});

test('while it is open one probe goes out at a time, and each that fails has it rest for longer', async () => {
  const { posts, gets } = simulator.stats();
  const doc = () =>
    system.store.db
      .collection<{ _id: string; trips: number }>(OWN.control)
      .findOne({ _id: 'breaker/legacy' });
  const before = (await doc())?.trips ?? 0;
  await eventually('two more probes have failed', async () => {
    assert.ok(((await doc())?.trips ?? 0) >= before + 2);
  });
  const after = simulator.stats();
  const sent = after.posts + after.gets - posts - gets;
  assert.ok(sent >= 2 && sent <= 3, `${sent} requests`);
  assert.equal(await system.depth(intakeQueue), 25);
});

test('an operator who pauses meanwhile stays obeyed when it closes; then all are registered, none failed, none in doubt', async () => {
  await flow.json('pause', '--reason', 'looking at it', '--operator', 'ana');
  calm();
  await isOpenEverywhere('0');
  await eventually('what was taken is registered', async () => {
    assert.equal((await flow.tally('before')).registered, 20);
    assert.equal((await flow.tally('storm')).registered, 40);
  });
  assert.equal(await system.depth(intakeQueue), 25);
  await flow.json('resume');
  await flow.allRegistered('late', 25);
  assert.equal(simulator.stats().filedTwice, 0);
  const report = await flow.audit();
  assert.ok(report.holds, JSON.stringify(report));
  assert.equal(report.inDoubt, 0);
  assert.deepEqual(await flow.lookAtFailures(), []);
  assert.match(system.log('worker') + system.log('intake'), /circuit breaker is closed again/);
});

test('refusals never open it', async () => {
  const prefix = uniqueName();
  await flow.publishMany(prefix, 40, { simulate: { refuse: 'CPF inválido' } });
  await eventually('all are refused', async () => {
    const { settled, registered } = await flow.tally(prefix);
    assert.deepEqual([settled, registered], [40, 0]);
  });
  await isOpenEverywhere('0');
});
