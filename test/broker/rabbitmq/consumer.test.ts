import assert from 'node:assert/strict';
import { test, type TestContext } from 'node:test';
import type { Config } from '../../../src/config/schema.ts';
import { silent, type Log } from '../../../src/runtime/log.ts';
import { throttle } from '../../../src/broker/rabbitmq/amqp-throttle.ts';
import { createConsumer } from '../../../src/broker/rabbitmq/consumer.ts';
import { decodeProperties } from '../../../src/broker/rabbitmq/message.ts';
import type { Delivery } from '../../../src/broker/source.ts';
import { QueueMismatch, declareQueues } from '../../../src/broker/rabbitmq/queues.ts';
import { testConfig } from '../../helpers/configuration.ts';
import { eventually } from '../../helpers/eventually.ts';
import { proxyTo } from '../../helpers/proxy.ts';
import { atEnd, address, testPublisher, testQueues } from '../../helpers/servers.ts';

/** A consumer behind a proxy, with what it was handed so far. */
async function consumerFor(
  t: TestContext,
  changes: Partial<Config['rabbit']> = {},
  log: Log = silent,
) {
  const queues = await testQueues(t, !(changes.isOrdered ?? false));
  const proxy = await proxyTo(t, address('AMQP_URL'));
  const deliveries: Delivery[] = [];
  const config = testConfig({ amqpUrl: proxy.url, rabbit: { ...queues.rabbit, ...changes } });
  const consumer = await createConsumer(config, log, (delivery) => deliveries.push(delivery));
  atEnd(t, () => consumer.close());
  const publisher = await testPublisher(t);
  return {
    ...queues,
    proxy,
    consumer,
    deliveries,
    intake: queues.rabbit.intakeQueue,
    /** Publishes to the intake queue, or another. */
    send: async (text: string, queue = queues.rabbit.intakeQueue) =>
      publisher.publish(queue, Buffer.from(text), { messageId: text }),
    /** Waits until as many were handed over, and gives their bodies. */
    handed: (count: number) =>
      eventually(`${count} deliveries`, () => {
        assert.equal(deliveries.length, count);
        return deliveries.map(({ body }) => body.toString());
      }),
    isReady: (wanted = true) =>
      eventually(`the consumer is ${wanted ? '' : 'not '}ready`, () =>
        assert.equal(consumer.isReady(), wanted),
      ),
  };
}

const originOf = (queue: string) => ({
  ...{ broker: 'rabbitmq', queue, exchange: '', routingKey: queue },
});

test('headers are told as they are, and a message without an id has none', async (t) => {
  const { channel, intake, handed, deliveries } = await consumerFor(t);
  const headers = { text: 'a', number: 7, nested: { deep: [true] } };
  channel.sendToQueue(intake, Buffer.from('a'), { headers });
  await handed(1);
  assert.deepEqual(deliveries[0]?.headers(), headers);
  assert.equal(deliveries[0]?.messageId, null);
});

test('deliveries come from the intake and the returned queue, with body and properties', async (t) => {
  const { send, handed, deliveries, rabbit } = await consumerFor(t);
  await send('a');
  await handed(1);
  await send('b', rabbit.returnedQueue);
  assert.deepEqual(await handed(2), ['a', 'b']);
  assert.equal(decodeProperties(deliveries[0]?.properties ?? '').properties.messageId, 'a');
  assert.deepEqual(
    deliveries.map(({ messageId, key, origin }) => [messageId, key, origin]),
    [
      ['a', null, originOf(rabbit.intakeQueue)],
      ['b', null, originOf(rabbit.returnedQueue)],
    ],
  );
  assert.ok((deliveries[0]?.receivedAt ?? 0) <= Date.now());
});

test('what is acknowledged is gone, and what is not comes back when the consumer leaves', async (t) => {
  const { send, handed, deliveries, consumer, hasDepth, take, intake } = await consumerFor(t);
  await send('a');
  await send('b');
  await handed(2);
  deliveries.find(({ body }) => body.toString() === 'a')?.ack();
  await consumer.close();
  assert.equal(consumer.isReady(), false);
  await hasDepth(intake, 1);
  assert.equal((await take(intake)).content.toString(), 'b');
});

test('after a cut what was held is delivered again; an old acknowledgement does nothing, a new one counts', async (t) => {
  const { send, handed, deliveries, consumer, proxy, hasDepth, intake } = await consumerFor(t);
  await send('a');
  await send('b');
  await handed(2);
  const [oldA, oldB] = deliveries;
  proxy.cut();
  await handed(4);
  assert.ok(oldA?.isGone() && oldB?.isGone());
  // On the new channel these tags are somebody else's.
  oldA?.ack();
  oldB?.ack();
  const fresh = deliveries.slice(2);
  assert.ok(fresh.every((delivery) => !delivery.isGone()));
  fresh.find(({ body }) => body.toString() === 'b')?.ack();
  await consumer.close();
  await hasDepth(intake, 1);
});

test('pause takes nothing more and keeps what is held; resume goes on', async (t) => {
  const { send, handed, deliveries, consumer, hasDepth, take, intake } = await consumerFor(t);
  await send('a');
  await handed(1);
  await consumer.pause();
  await send('b');
  await hasDepth(intake, 1);
  assert.equal(deliveries.length, 1);
  assert.equal(deliveries[0]?.isGone(), false);
  deliveries[0]?.ack();
  await consumer.resume();
  assert.deepEqual(await handed(2), ['a', 'b']);
  await consumer.close();
  const { headers } = (await take(intake)).properties;
  assert.equal(headers?.['x-delivery-count'], 1, 'given back by close alone');
});

test('paused, it stays paused over a cut', async (t) => {
  const { send, handed, deliveries, consumer, proxy, hasDepth, isReady, intake } =
    await consumerFor(t);
  await consumer.pause();
  proxy.close();
  await isReady(false);
  proxy.open();
  await isReady();
  await send('a');
  await hasDepth(intake, 1);
  assert.equal(deliveries.length, 0);
  await consumer.resume();
  assert.deepEqual(await handed(1), ['a']);
});

test('resume without a pause takes nothing twice', async (t) => {
  const { send, handed, consumer, channel, intake } = await consumerFor(t);
  await consumer.resume();
  assert.equal((await channel.checkQueue(intake)).consumerCount, 1);
  await send('a');
  await handed(1);
});

test('no more are held than the prefetch allows on both queues together', async (t) => {
  const { send, handed, deliveries, hasDepth, intake, rabbit } = await consumerFor(t, {
    prefetch: 3,
  });
  for (const text of ['a', 'b', 'c']) await send(text);
  await handed(2);
  for (const text of ['r', 's']) await send(text, rabbit.returnedQueue);
  await handed(3);
  await hasDepth(intake, 1);
  await hasDepth(rabbit.returnedQueue, 1);
  deliveries[0]?.ack();
  assert.equal((await handed(4)).at(-1), 'c');
});

const MIB = 1024 * 1024;

test('no more bytes are held than the bound and one message, whatever the prefetch, and one that is larger comes through', async (t) => {
  const queues = await testQueues(t);
  const { intakeQueue } = queues.rabbit;
  const held = new Set<Delivery>();
  let most = 0;
  let taken = 0;
  const config = testConfig({ amqpUrl: address('AMQP_URL'), rabbit: queues.rabbit });
  const onDelivery = (delivery: Delivery) => {
    held.add(delivery);
    taken += 1;
    most = Math.max(
      most,
      [...held].reduce((sum, { body }) => sum + body.length, 0),
    );
  };
  // RabbitMQ 4 takes no message of more than 16 MiB, unless it is told to.
  const consumer = await createConsumer(config, silent, onDelivery, { mostHeldBytes: 8 * MIB });
  atEnd(t, () => consumer.close());
  const publisher = await testPublisher(t);
  for (let n = 0; n < 12; n++) await publisher.publish(intakeQueue, Buffer.alloc(2 * MIB, n), {});
  await publisher.publish(intakeQueue, Buffer.alloc(10 * MIB), {});
  // All are on their way to the consumer: what is not read waits in the socket.
  await queues.hasDepth(intakeQueue, 0);
  await eventually('all were taken', () => {
    // The oldest only, when there are as many as may be.
    const [oldest] = held;
    if (oldest !== undefined && (held.size >= 4 || taken >= 12)) {
      oldest.ack();
      held.delete(oldest);
    }
    assert.equal(taken, 13);
  });
  assert.ok(most >= 8 * MIB && most <= 18 * MIB, `${most / MIB} MiB`);
});

test('headers count among the bytes that are held', async (t) => {
  const queues = await testQueues(t);
  const { intakeQueue } = queues.rabbit;
  const long = { long: 'x'.repeat(60 * 1024) };
  const held = new Set<Delivery>();
  let most = 0;
  let taken = 0;
  const config = testConfig({ amqpUrl: address('AMQP_URL'), rabbit: queues.rabbit });
  const consumer = await createConsumer(config, silent, (delivery) => {
    held.add(delivery);
    taken += 1;
    most = Math.max(most, held.size);
  });
  atEnd(t, () => consumer.close());
  const publisher = await testPublisher(t);
  const all = Array.from({ length: 800 }, (_, n) =>
    publisher.publish(intakeQueue, Buffer.from(String(n)), { headers: long }),
  );
  await Promise.all(all);
  await queues.hasDepth(intakeQueue, 0);
  const bound = (32 * 1024) / 60 + 1;
  await eventually('all were taken', () => {
    if (held.size < bound - 2 && taken < 800) assert.fail(`${held.size} are held`);
    for (const each of [...held].slice(0, 100)) {
      each.ack();
      held.delete(each);
    }
    assert.equal(taken, 800);
  });
  assert.ok(most <= bound, `${most} messages`);
});

test('paused and resumed while it begins to consume, it consumes once', async (t) => {
  const queues = await testQueues(t);
  const config = testConfig({ amqpUrl: address('AMQP_URL'), rabbit: queues.rabbit });
  const consumer = await createConsumer(config, silent, () => {}, { paused: true });
  atEnd(t, () => consumer.close());
  await Promise.all([consumer.resume(), consumer.pause(), consumer.resume()]);
  for (const queue of [queues.rabbit.intakeQueue, queues.rabbit.returnedQueue]) {
    assert.equal((await queues.channel.checkQueue(queue)).consumerCount, 1);
  }
});

test('while nothing is read the broker does not count as gone, and what is let go has it read on', async () => {
  let full = false;
  const frames = ['a', 'b'];
  const events: string[] = [];
  const connection = {
    recvSinceLastCheck: false,
    recvFrame: () => frames.shift() ?? false,
    stream: { emit: (event: string) => events.push(event) > 0 },
  };
  const reading = throttle({ connection }, () => full);
  assert.equal(connection.recvFrame(), 'a');
  assert.equal(connection.recvSinceLastCheck, false);
  full = true;
  assert.equal(connection.recvFrame(), false);
  connection.recvSinceLastCheck = false; // as the heartbeat does it
  assert.equal(connection.recvSinceLastCheck, true);
  reading.goOn();
  full = false;
  reading.goOn();
  reading.goOn();
  await eventually('it is read on, once', () => assert.deepEqual(events, ['readable']));
  assert.equal(connection.recvFrame(), 'b');
});

test('a queue that is deleted cancels the consumer, which declares it again and goes on', async (t) => {
  const { send, handed, connection, channel, intake } = await consumerFor(t);
  await channel.deleteQueue(intake);
  await eventually('the queue is consumed again', async () => {
    // On a channel of its own, as asking for a queue that is not there closes it.
    const asking = await connection.createChannel();
    asking.on('error', () => {});
    assert.equal((await asking.checkQueue(intake)).consumerCount, 1);
    await asking.close();
  });
  await send('a');
  assert.deepEqual(await handed(1), ['a']);
});

test('a queue that was declared anew otherwise while the consumer was away is not consumed, and its own again once that is deleted', async (t) => {
  const refusals: string[] = [];
  const warn = (facts: object) => {
    if ('error' in facts) refusals.push(String(facts.error));
  };
  const log = { ...silent, warn };
  const { send, handed, proxy, isReady, connection, channel, intake, rabbit } = await consumerFor(
    t,
    {},
    log,
  );
  proxy.close();
  await isReady(false);
  await channel.deleteQueue(intake);
  await channel.assertQueue(intake, { durable: true });
  proxy.open();
  await eventually('it has met the other queue, twice', () =>
    assert.ok(refusals.filter((each) => each.includes('declared otherwise')).length > 1),
  );
  assert.equal((await channel.checkQueue(intake)).consumerCount, 0);
  await channel.deleteQueue(intake);
  await isReady();
  assert.deepEqual(await declareQueues(connection, rabbit), [], 'it is there as it should be');
  await send('a');
  assert.deepEqual(await handed(1), ['a']);
});

test('an error in the handler loses no connection, and the next delivery comes', async (t) => {
  const queues = await testQueues(t);
  const config = testConfig({ amqpUrl: address('AMQP_URL'), rabbit: queues.rabbit });
  const bodies: string[] = [];
  const consumer = await createConsumer(config, silent, ({ body }) => {
    bodies.push(body.toString());
    if (bodies.length === 1) throw new Error('a fault of ours');
  });
  atEnd(t, () => consumer.close());
  const publisher = await testPublisher(t);
  for (const text of ['a', 'b'])
    await publisher.publish(queues.rabbit.intakeQueue, Buffer.from(text), { messageId: text });
  await eventually('both were handed over', () => assert.deepEqual(bodies, ['a', 'b']));
  assert.equal(consumer.isReady(), true);
});

test('closed while its connection is being set up anew, it ends, and that connection with it', async (t) => {
  const { consumer, proxy, channel, intake } = await consumerFor(t);
  const before = proxy.count();
  proxy.hold();
  proxy.cut();
  await eventually('the next connection is on its way', () =>
    assert.equal(proxy.count(), before + 1),
  );
  const closed = consumer.close();
  proxy.release();
  await closed;
  await eventually('nobody consumes', async () =>
    assert.equal((await channel.checkQueue(intake)).consumerCount, 0),
  );
  assert.equal(consumer.isReady(), false);
});

test('a queue that is declared otherwise ends the start with the difference', async (t) => {
  const queues = await testQueues(t, false);
  await queues.channel.assertQueue(queues.rabbit.intakeQueue, { durable: true });
  const config = testConfig({ amqpUrl: address('AMQP_URL'), rabbit: queues.rabbit });
  await assert.rejects(
    createConsumer(config, silent, () => {}),
    QueueMismatch,
  );
});

test('where the order counts, a paused consumer stays the one of its queue, and hands out what came when it resumes', async (t) => {
  const isOrdered = { isOrdered: true };
  const { send, handed, deliveries, consumer, rabbit, proxy, hasDepth, intake } = await consumerFor(
    t,
    isOrdered,
  );
  const others: Delivery[] = [];
  const config = testConfig({ amqpUrl: proxy.url, rabbit: { ...rabbit, ...isOrdered } });
  const other = await createConsumer(config, silent, (delivery) => others.push(delivery));
  atEnd(t, () => other.close());
  await send('a');
  await handed(1);
  await consumer.pause();
  await send('b');
  await hasDepth(intake, 0);
  assert.deepEqual([deliveries.length, others.length], [1, 0]);
  await consumer.resume();
  assert.deepEqual(await handed(2), ['a', 'b']);
  deliveries[0]?.ack();
  await consumer.close();
  await eventually('the other one takes over, from what was not acknowledged', () =>
    assert.deepEqual(
      others.map(({ body }) => body.toString()),
      ['b'],
    ),
  );
});
