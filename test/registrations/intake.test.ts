/** Intake with its neighbours in MongoDB and Temporal played. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { createFailures } from '../../src/broker/rabbitmq/dead-letters.ts';
import { startRegistrationIntake } from '../../src/registrations/intake.ts';
import { silent } from '../../src/runtime/log.ts';
import { createMetrics } from '../../src/runtime/metrics.ts';
import { rulesOf } from '../../src/registrations/rules.ts';
import { testConfig } from '../helpers/configuration.ts';
import { eventually } from '../helpers/eventually.ts';
import { address, atEnd, testPublisher, testQueues } from '../helpers/servers.ts';

test('a MongoDB that does not answer holds up no malformed delivery: its record is there, it is acknowledged, and that is told', async (t) => {
  const queues = await testQueues(t);
  const { intakeQueue, failureQueue } = queues.rabbit;
  const config = testConfig({ amqpUrl: address('AMQP_URL'), rabbit: queues.rabbit });
  const publisher = await testPublisher(t);
  const told: string[] = [];
  const answers = [() => Promise.reject(new Error('away')), () => new Promise<void>(() => {})];
  const intake = await startRegistrationIntake({
    config,
    rulesFor: () => rulesOf(config),
    failures: createFailures(publisher, queues.rabbit),
    setAside: () => Promise.resolve(false),
    noteMalformed: () => answers.shift()?.() ?? Promise.resolve(),
    start: () => Promise.resolve('started'),
    metrics: createMetrics(),
    log: { ...silent, warn: (_: object, sentence: string) => told.push(sentence) },
  });
  atEnd(t, () => intake.stop());
  intake.letGo('unknown');
  for (const text of ['x', 'y']) await publisher.publish(intakeQueue, Buffer.from(text), {});
  await queues.hasDepth(failureQueue, 2);
  await eventually('both were told', () =>
    assert.equal(told.filter((each) => each.includes('not noted in MongoDB')).length, 2),
  );
  await intake.stop();
  await queues.hasDepth(intakeQueue, 0);
});
