/** Messages that a program sends. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { NotSentError, defineWorker, getProducer, rabbitmq, send } from 'despachante';
import { z } from 'zod';
import { connectOnce } from '../../src/broker/rabbitmq/connection.ts';
import { HEADER } from '../../src/domain/names.ts';
import { configureTest } from '../helpers/door.ts';
import { bytes, noKafka, testSource, testTopic } from '../helpers/kafka.ts';
import { address, atEnd, testQueues, type Ending } from '../helpers/servers.ts';
import sums from './fixtures/sums.ts';

async function channelFor(t: Ending) {
  const connection = await connectOnce(address('AMQP_URL'), 'test', 10_000);
  atEnd(t, () => connection.close());
  return connection.createChannel();
}

const refusal = (kind: string, words: RegExp) => (error: unknown) => {
  assert.ok(error instanceof NotSentError);
  assert.equal(error.kind, kind);
  assert.match(error.message, words);
  return true;
};

test('a message is confirmed in the queue of its worker, which is made for it, with its id and key', async (t) => {
  const { queue } = configureTest(t);
  const sent = await send(sums, { a: 1 }, { id: 'm-1', key: 'k' });
  assert.deepEqual(sent, { id: 'm-1', to: queue });
  const { id } = await send(sums, { a: 2 });
  const channel = await channelFor(t);
  const first = await channel.get(queue, { noAck: true });
  assert.ok(first);
  assert.deepEqual(
    [first.content.toString(), first.properties.messageId, first.properties.headers?.[HEADER.key]],
    ['{"a":1}', 'm-1', 'k'],
  );
  const second = await channel.get(queue, { noAck: true });
  assert.equal(second && second.properties.messageId, id);
});

test('what a worker would refuse is not sent, and the path is told, not the value', async (t) => {
  configureTest(t);
  // @ts-expect-error the schema wants a number
  await assert.rejects(send(sums, { a: 'secret' }), (error: unknown) => {
    assert.ok(error instanceof NotSentError);
    assert.equal(error.message, 'Nothing was sent to Sums: the schema does not accept /a');
    return true;
  });
  const named = defineWorker({
    ...{ name: 'Named', from: rabbitmq('nowhere'), handle: () => 1 },
    message: z.object({ order: z.string() }),
    idFrom: ({ order }) => order,
  });
  await assert.rejects(send(named, { order: 'a' }, { id: 'b' }), refusal('refused', /idFrom/));
  for (const id of ['', 'é'.repeat(128)]) {
    await assert.rejects(send(sums, { a: 1 }, { id }), refusal('refused', /1 to 255 bytes/));
    const lost = getProducer('rabbitmq').send({ topic: 'nowhere', message: 1, id });
    await assert.rejects(lost, refusal('refused', /1 to 255 bytes/));
  }
  const misspelt = { idd: 'x' };
  // @ts-expect-error there is no such option
  const lost = send(sums, { a: 1 }, misspelt);
  await assert.rejects(lost, /idd: is no option \(did you mean id\?\)/);
  // @ts-expect-error it needs a unit
  await assert.rejects(send(sums, { a: 1 }, { delay: 30 }), refusal('refused', /with its unit/));
});

test('of a message that was not sent it is said whether its worker, or the broker, is why', async (t) => {
  configureTest(t, { KAFKA_ENABLED: 'true', KAFKA_BOOTSTRAP_SERVERS: '127.0.0.1:1' });
  const careless = defineWorker({
    ...{ name: 'Careless', from: rabbitmq('nowhere'), handle: () => 1 },
    idFrom: () => {
      throw new Error('no order');
    },
  });
  await assert.rejects(send(careless, {}), refusal('refused', /idFrom or keyFrom .*no order/));
  const lost = getProducer('kafka').send({ topic: 'nowhere', message: {} });
  await assert.rejects(lost, refusal('unavailable', /127\.0\.0\.1:1/));
});

test('a producer sends to any queue, and says which one does not exist', async (t) => {
  configureTest(t);
  const { rabbit, take } = await testQueues(t);
  const producer = getProducer('rabbitmq');
  const topic = rabbit.intakeQueue;
  const message = { type: 'process', data: {} };
  const { id } = await producer.send({ topic, message, key: 'task-123' });
  const taken = await take(topic);
  assert.equal(taken.content.toString(), JSON.stringify(message));
  assert.equal(taken.properties.messageId, id);
  const lost = producer.send({ topic: `${topic}.nowhere`, message });
  await assert.rejects(lost, refusal('refused', /queue ".*nowhere" does not exist/));
});

test('a producer sends to a topic, with its key', { skip: noKafka }, async (t) => {
  const { topic, group, kafka } = await testTopic(t);
  const taken = await testSource(t, { kafka, topic, group });
  configureTest(t, {
    KAFKA_ENABLED: 'true',
    KAFKA_BOOTSTRAP_SERVERS: process.env['KAFKA_BOOTSTRAP_SERVERS'] ?? '',
  });
  const { id } = await getProducer('kafka').send({ topic, message: { n: 1 }, key: 'task-123' });
  assert.deepEqual(await taken.handed(1), ['{"n":1}']);
  const [delivery] = taken.deliveries;
  assert.deepEqual([delivery?.messageId, delivery?.key], [id, bytes('task-123')]);
});

test('a producer for Kafka that is not enabled is refused with the setting', async (t) => {
  configureTest(t, { KAFKA_ENABLED: 'false' });
  const lost = getProducer('kafka').send({ topic: 'tasks', message: 1 });
  await assert.rejects(lost, refusal('refused', /set KAFKA_ENABLED=true/));
  // @ts-expect-error there is no such broker
  assert.throws(() => getProducer('redis'), /takes 'kafka' or 'rabbitmq', not redis/);
});

test('a broker that is away is asked no more after a while, until its breaker lets one message ask', async (t) => {
  configureTest(t, { AMQP_URL: 'amqp://127.0.0.1:1' });
  const ids = Array.from({ length: 25 }, (_, n) => `m-${n}`);
  const failed = await Promise.allSettled(ids.map((id) => send(sums, { a: 1 }, { id })));
  const kinds = failed.map((each) => {
    const why: unknown = each.status === 'rejected' ? each.reason : null;
    assert.ok(why instanceof NotSentError);
    assert.match(why.message, /RabbitMQ at amqp:\/\/127\.0\.0\.1:1 is away/);
    return `${why.kind} ${why.id} ${why.retryAfter}`;
  });
  assert.deepEqual(
    kinds,
    ids.map((id) => `unavailable ${id} null`),
  );
  const lost = send(sums, { a: 1 }, { id: 'next' });
  await assert.rejects(lost, (error: unknown) => {
    assert.ok(error instanceof NotSentError);
    assert.deepEqual([error.kind, error.id], ['unavailable', 'next']);
    assert.ok(error.retryAfter !== null && error.retryAfter > 0);
    return true;
  });
});
