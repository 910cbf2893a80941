import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { Config } from '../../../src/config/schema.ts';
import { QueueMismatch, declareQueues } from '../../../src/broker/rabbitmq/queues.ts';
import { eventually } from '../../helpers/eventually.ts';
import { testPublisher, testQueues } from '../../helpers/servers.ts';

const adopting = (rabbit: Config['rabbit']): Config['rabbit'] => ({
  ...rabbit,
  existingQueues: 'adopt',
});

test('the three queues are declared, and declaring them again changes nothing', async (t) => {
  const { rabbit, connection, channel } = await testQueues(t, false);
  assert.deepEqual(await declareQueues(connection, rabbit), []);
  assert.deepEqual(await declareQueues(connection, rabbit), []);
  for (const queue of [rabbit.intakeQueue, rabbit.returnedQueue, rabbit.failureQueue]) {
    assert.equal((await channel.checkQueue(queue)).messageCount, 0);
  }
});

test('a message past its delivery limit goes to the returned queue, and is not lost', async (t) => {
  const queues = await testQueues(t, false);
  const rabbit = { ...queues.rabbit, deliveryLimit: 2 };
  await declareQueues(queues.connection, rabbit);
  const publisher = await testPublisher(t);
  await publisher.publish(rabbit.intakeQueue, Buffer.from('{"id":"a"}'), { messageId: 'm' });
  for (let delivery = 0; delivery <= rabbit.deliveryLimit; delivery++) {
    const message = await eventually('the message is delivered', async () => {
      const got = await queues.channel.get(rabbit.intakeQueue, { noAck: false });
      assert.ok(got !== false);
      return got;
    });
    queues.channel.nack(message);
  }
  const returned = await queues.take(rabbit.returnedQueue);
  assert.equal(returned.content.toString(), '{"id":"a"}');
  await queues.hasDepth(rabbit.intakeQueue, 0);
});

for (const [name, options, difference] of [
  ['a classic queue', { durable: true }, /x-queue-type/],
  [
    'a quorum queue with another delivery limit',
    { durable: true, arguments: { 'x-queue-type': 'quorum', 'x-delivery-limit': 3 } },
    /x-delivery-limit/,
  ],
] as const) {
  test(`${name} is refused, with the queue, the difference and the remedy`, async (t) => {
    const { rabbit, connection, channel } = await testQueues(t, false);
    await channel.assertQueue(rabbit.failureQueue, options);
    await assert.rejects(declareQueues(connection, rabbit), (error) => {
      assert.ok(error instanceof QueueMismatch);
      assert.ok(error.message.includes(rabbit.failureQueue), error.message);
      assert.match(error.message, difference);
      assert.match(error.message, /rabbit\.existingQueues: adopt/);
      return true;
    });
  });

  test(`${name} is adopted when so configured, and said so`, async (t) => {
    const { rabbit, connection, channel } = await testQueues(t, false);
    await channel.assertQueue(rabbit.failureQueue, options);
    const sentences = await declareQueues(connection, adopting(rabbit));
    assert.equal(sentences.length, 1);
    assert.ok(sentences[0]?.includes(rabbit.failureQueue));
    assert.match(sentences[0] ?? '', difference);
    await channel.checkQueue(rabbit.intakeQueue);
  });
}

test('the connection can be used after a refusal', async (t) => {
  const { rabbit, connection, channel } = await testQueues(t, false);
  await channel.assertQueue(rabbit.intakeQueue, { durable: true });
  await assert.rejects(declareQueues(connection, rabbit), QueueMismatch);
  await (await connection.createChannel()).checkQueue(rabbit.intakeQueue);
});
