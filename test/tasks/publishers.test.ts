/** What a worker publishes, over the real brokers. */
import assert from 'node:assert/strict';
import { createHash } from 'node:crypto';
import { noKafka, testSource, testTopic } from '../helpers/kafka.ts';
import { test } from 'node:test';
import { silent } from '../../src/runtime/log.ts';
import { createBrokers } from '../../src/tasks/brokers.ts';
import { atEnd, testQueues, uniqueName } from '../helpers/servers.ts';
import { sampleConfig, sampleWorker } from '../helpers/workers.ts';

test('what a task of a topic publishes to a queue gets there whatever its id, and is refused where it never can', async (t) => {
  const name = uniqueName();
  const { channel, rabbit } = await testQueues(t);
  const brokers = createBrokers(sampleConfig(name), [], silent, Date.now);
  atEnd(t, () => brokers.close());
  const from = { broker: 'kafka', name } as const;
  const { channels } = await brokers.connect(sampleWorker(name, { from, deadLetters: from }));
  const to = { broker: 'rabbitmq', name: rabbit.intakeQueue } as const;
  const id = `Sample/${'ã'.repeat(200)}~0/0`;
  await channels.publish({ channel: to, key: null, message: 1 }, id);
  const message = await channel.get(rabbit.intakeQueue, { noAck: true });
  assert.ok(message !== false);
  assert.equal(message.properties.messageId, createHash('sha256').update(id).digest('hex'));
  const large = { channel: to, key: 'k'.repeat(200_000), message: 1 };
  await assert.rejects(channels.publish(large, 'm-1'), (error: unknown) => {
    assert.ok(channels.isUnpublishable(error), String(error));
    return true;
  });
});

test(
  'over Kafka a long message id is its hash as well, and a key that is no text has its bytes again',
  { skip: noKafka },
  async (t) => {
    const { topic, group, kafka } = await testTopic(t);
    const taken = await testSource(t, { kafka, topic, group });
    const brokers = createBrokers(sampleConfig(uniqueName()), [], silent, Date.now);
    atEnd(t, () => brokers.close());
    const from = { broker: 'kafka', name: topic } as const;
    const { channels } = await brokers.connect(sampleWorker(topic, { from, deadLetters: from }));
    const id = `Sample/${'ã'.repeat(200)}~0/0`;
    await channels.publish({ channel: from, key: 'hex:00ff', message: 1 }, id);
    await taken.handed(1);
    const [delivery] = taken.deliveries;
    assert.equal(delivery?.messageId, createHash('sha256').update(id).digest('hex'));
    assert.deepEqual(delivery?.key, Buffer.from([0, 255]));
  },
);
