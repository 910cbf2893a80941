/** Neighbours that go away for a while: nobody fails for it, and nobody is filed twice. */
import assert from 'node:assert/strict';
import { once } from 'node:events';
import { after, afterEach, test } from 'node:test';
import { declareQueues } from '../../src/broker/rabbitmq/queues.ts';
import { start as spawnCli } from '../commands/cli.ts';
import { eventually } from '../helpers/eventually.ts';
import { flowOf } from '../helpers/flow.ts';
import { uniqueName } from '../helpers/servers.ts';
import { startSystem, type Role } from '../helpers/system.ts';

const system = await startSystem(
  { after, afterEach },
  {
    proxied: ['AMQP_URL', 'TEMPORAL_ADDRESS'],
    // Nothing happens to the legacy system here: an answer that a loaded machine makes late must not be a doubt.
    env: { DESPACHANTE_LEGACY_TIMEOUT: '10s' },
  },
);
const flow = flowOf(system);
const { config, simulator } = system;
const broker = system.proxy('AMQP_URL');
const temporal = system.proxy('TEMPORAL_ADDRESS');

const pids = { worker: system.child('worker').pid, intake: system.child('intake').pid };

const isReady = (role: Role, status: number) =>
  eventually(`/ready of the ${role} answers ${status}`, async () => {
    assert.equal((await flow.ask(role, '/ready')).status, status);
    assert.equal((await flow.ask(role, '/live')).status, 200);
  });

async function assertSum(): Promise<void> {
  assert.equal(simulator.stats().filedTwice, 0);
  const report = await flow.audit();
  assert.ok(report.holds, JSON.stringify(report));
  assert.deepEqual(report.inFlight, { claimed: 0, inRuns: 0, waiting: 0 });
}

test('every connection to the broker is cut, again and again: all are registered, once', async () => {
  const count = 150;
  const prefix = uniqueName();
  const published = flow.publishMany(prefix, count);
  for (const part of [20, 60, 100]) {
    await eventually(`${part} are claimed`, async () => {
      assert.ok((await flow.tally(prefix)).claimed >= part);
    });
    broker.cut();
  }
  await published;
  await flow.allRegistered(prefix, count);
  await isReady('intake', 200);
  await isReady('worker', 200);
  await assertSum();
});

test('while the broker is away nothing is ready, what fails waits in its run, and all is settled when it is back', async () => {
  const prefix = uniqueName();
  const refused = uniqueName();
  await flow.publish({ id: refused, simulate: { fail: 'documento ilegível', latencyMs: 1_000 } });
  await flow.publish({ id: `${prefix}-0`, simulate: { latencyMs: 1_000 } });
  await flow.claimed(refused);
  await flow.claimed(`${prefix}-0`);
  broker.close();
  await isReady('worker', 503);
  await isReady('intake', 503);
  // A full or absent failure queue must not hold a success back.
  await flow.allRegistered(prefix, 1);
  assert.equal((await flow.claimed(refused)).settledAt, null);
  await flow.publish({ id: `${prefix}-1` });
  broker.open();
  await flow.allRegistered(prefix, 2);
  await flow.failureOf(`${refused}~0`, 'failed');
  await assertSum();
});

test('while Temporal is away intake keeps what it holds and is not ready, and all is settled when it is back', async () => {
  const count = 30;
  const prefix = uniqueName();
  await flow.publishMany(prefix, 5, { simulate: { latencyMs: 1_500 } });
  await eventually('the first are claimed', async () => {
    assert.equal((await flow.tally(prefix)).claimed, 5);
  });
  temporal.close();
  await flow.publishMany(`${prefix}-later`, count - 5);
  await isReady('intake', 503);
  assert.ok(
    (await flow.metric('intake', 'despachante_unacknowledged{source="registrations"}')) > 0,
  );
  temporal.open();
  await flow.allRegistered(prefix, count);
  await isReady('intake', 200);
  await isReady('worker', 200);
  await eventually('it takes again', async () => {
    assert.equal(
      await flow.metric('intake', 'despachante_unacknowledged{source="registrations"}'),
      0,
    );
  });
  await assertSum();
});

test('while the core of the legacy system is down nobody fails, and all are registered when it is back', async () => {
  const count = 40;
  const prefix = uniqueName();
  const before = simulator.stats().accepted;
  await flow.publishMany(prefix, count / 2, { simulate: { latencyMs: 1_000 } });
  await eventually('the first half is accepted', () => {
    assert.equal(simulator.stats().accepted, before + count / 2);
  });
  await simulator.stopCore();
  const { gets, posts } = simulator.stats();
  await flow.publishMany(`${prefix}-later`, count / 2);
  await eventually('it is asked for both, in vain', () => {
    assert.ok(simulator.stats().gets > gets);
    assert.ok(simulator.stats().posts > posts);
  });
  await simulator.startCore();
  await flow.allRegistered(prefix, count);
  await assertSum();
});

test('a failure queue that is deleted while the system runs: its records come once it is there again', async () => {
  const id = uniqueName();
  const malformed = Buffer.from('not JSON, and nowhere to go');
  const earlier = await flow.lookAtFailures();
  const { failureQueue } = config.rabbit;
  await system.channel.deleteQueue(failureQueue);
  await flow.publish({ id, simulate: { refuse: 'CPF inválido' } });
  await eventually('the registration has ended', async () => {
    assert.equal((await flow.claimed(id)).outcome?.kind, 'rejected');
  });
  await flow.publishBytes(malformed);
  await isReady('intake', 503);
  await declareQueues(system.connection, config.rabbit);
  await flow.failureOf(`${id}~0`, 'rejected');
  await flow.failureWhere('the malformed one', ({ content }) => content.equals(malformed));
  await isReady('intake', 200);
  // What was in it is gone by our own hand; the audit would say so.
  assert.equal(earlier.length, 1);
});

test('the same processes have lived through all of this', () => {
  assert.equal(system.child('worker').pid, pids.worker);
  assert.equal(system.child('intake').pid, pids.intake);
});

test('what has been logged meanwhile is lines of JSON, from Temporal’s native part too', () => {
  for (const role of ['worker', 'intake'] as const) {
    for (const line of system.log(role).trim().split('\n')) {
      assert.doesNotThrow(() => void JSON.parse(line), line);
    }
  }
});

test('a malformed message that found no failure queue is not lost with the intake that held it', async () => {
  const malformed = Buffer.from('not JSON, and held by an intake that is killed');
  await system.channel.deleteQueue(config.rabbit.failureQueue);
  await flow.publishBytes(malformed);
  await isReady('intake', 503);
  await system.kill('intake');
  await system.start('intake');
  await flow.failureWhere('its record', ({ content }) => content.equals(malformed));
});

for (const role of ['worker', 'intake'] as const) {
  test(`the ${role}, waiting for a broker that is not there, leaves at the first SIGTERM`, async () => {
    // Port 9 is "discard": nothing listens there.
    const env = { ...system.env, AMQP_URL: 'amqp://127.0.0.1:9' };
    const child = spawnCli([role, '--port', '0'], system.folder, env);
    const closed = once(child, 'close');
    child.stdout.resume();
    let told = '';
    child.stderr.on('data', (chunk: Buffer) => (told += chunk.toString()));
    await eventually('it has tried', () => assert.match(told, /Cannot connect to RabbitMQ \(/));
    child.kill('SIGTERM');
    await closed;
    assert.equal(child.exitCode, 0, told);
    assert.match(told, /Stopped by SIGTERM before it was up/);
  });
}
