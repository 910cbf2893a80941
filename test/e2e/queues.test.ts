/** Queues that exist already, declared by somebody else. */
import assert from 'node:assert/strict';
import { after, afterEach, test } from 'node:test';
import { flowOf } from '../helpers/flow.ts';
import { uniqueName } from '../helpers/servers.ts';
import { startSystem } from '../helpers/system.ts';

const system = await startSystem({ after, afterEach }, { roles: ['worker'] });
const flow = flowOf(system);
const { intakeQueue, failureQueue } = system.config.rabbit;

test('an intake queue that exists as classic is refused, with the difference and the remedy, and left as it is', async () => {
  await system.channel.assertQueue(intakeQueue, { durable: true });
  await flow.publish({ id: 'left-alone' });
  const { code, stderr } = await flow.cli('intake', '--port', '0');
  assert.equal(code, 1);
  assert.ok(stderr.includes(`Queue "${intakeQueue}" exists, declared otherwise`), stderr);
  assert.match(stderr, /inequivalent arg 'x-/);
  assert.match(stderr, /rabbit\.existingQueues: adopt/);
  assert.equal(await system.depth(intakeQueue), 1);
  await system.channel.purgeQueue(intakeQueue);
});

test('with "adopt" the same queue is used as it is, with a warning', async () => {
  await system.start('intake', { DESPACHANTE_RABBIT_EXISTING_QUEUES: 'adopt' });
  const [good, bad] = [uniqueName(), uniqueName()];
  await flow.publish({ id: good });
  await flow.publish({ id: bad, simulate: { refuse: 'CPF inválido' } });
  assert.equal(await flow.outcomeOf(good), 'registered');
  await flow.failureOf(`${bad}~0`, 'rejected');
  const warnings = system
    .log('intake')
    .split('\n')
    .filter((line) => line.includes('declared otherwise'));
  assert.equal(warnings.length, 1);
  assert.ok(warnings[0]?.includes(intakeQueue) && warnings[0].includes('"level":40'), warnings[0]);
});

test('a failure queue that exists without our arguments is refused likewise', async () => {
  await system.stop('intake');
  await system.channel.deleteQueue(intakeQueue);
  await system.channel.deleteQueue(failureQueue);
  await system.channel.assertQueue(failureQueue, {
    durable: true,
    arguments: { 'x-queue-type': 'quorum', 'x-delivery-limit': 20 },
  });
  const { code, stderr } = await flow.cli('intake', '--port', '0');
  assert.equal(code, 1);
  assert.ok(stderr.includes(failureQueue) && stderr.includes('x-delivery-limit'), stderr);
});

test('messages that waited before the first start are taken once the queue is ours', async () => {
  await system.channel.deleteQueue(failureQueue);
  await system.start('intake');
  await system.stop('intake');
  const prefix = uniqueName();
  await flow.publishMany(prefix, 20);
  await system.start('intake');
  await flow.allRegistered(prefix, 20);
});
