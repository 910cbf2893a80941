import assert from 'node:assert/strict';
import { once } from 'node:events';
import { createServer, type Socket } from 'node:net';
import { test } from 'node:test';
import { groupFacts } from '../../../src/broker/kafka/admin.ts';
import { openKafkaPublisher } from '../../../src/broker/kafka/publisher.ts';
import { BrokerRefusal, MessageRefused } from '../../../src/broker/refusals.ts';
import {
  bytes,
  kafkaOptions,
  message,
  noKafka,
  testSource,
  testTopic,
} from '../../helpers/kafka.ts';
import { atEnd, uniqueName } from '../../helpers/servers.ts';

const skip = noKafka;
const numbers = (count: number) => Array.from({ length: count }, (_, n) => n);

test(
  'of messages that are published at the same time none is lost and none is there twice, also in a fresh topic',
  { skip },
  async (t) => {
    const place = await testTopic(t, { partitions: 4 });
    await Promise.all(numbers(20).map((n) => place.send(`${n}`, { partition: 0 })));
    await Promise.all(
      numbers(2_000).map((n) => place.send(`${20 + n}`, { key: bytes(`${n % 50}`) })),
    );
    const { partitions } = await groupFacts(place.kafka, place.group, place.topic);
    const written = partitions.reduce((sum, { end }) => sum + end, 0);
    assert.equal(written, 2_020);
    const { handed } = await testSource(t, place, ({ ack }) => ack());
    const texts = (await handed(2_020)).map(Number);
    assert.deepEqual(
      texts.toSorted((a, b) => a - b),
      numbers(2_020),
    );
  },
);

test('messages of a key stay in one partition, in the order of the calls', { skip }, async (t) => {
  const place = await testTopic(t, { partitions: 4 });
  await Promise.all(numbers(600).map((n) => place.send(`${n}`, { key: bytes(`k${n % 7}`) })));
  const { handed, deliveries } = await testSource(t, place, ({ ack }) => ack());
  await handed(600);
  const byKey = Map.groupBy(deliveries, ({ key }) => key?.toString());
  assert.equal(byKey.size, 7);
  for (const some of byKey.values()) {
    const places = some.map(({ origin }) => origin.broker === 'kafka' && origin.partition);
    assert.equal(new Set(places).size, 1);
    const order = some.map(({ body }) => Number(body.toString()));
    assert.deepEqual(
      order,
      order.toSorted((a, b) => a - b),
    );
  }
});

test(
  "a key has the partition that Java's producer gives it; without keys partitions take turns",
  { skip },
  async (t) => {
    const place = await testTopic(t, { partitions: 10 });
    // By Utils.toPositive(Utils.murmur2(key)) % 10 of kafka-clients 4.1.
    const known = { 'a-little-bit-long-string': 2, '21': 0, foobar: 6 };
    for (const key of Object.keys(known)) await place.send(key, { key: bytes(key) });
    for (const n of numbers(10)) await place.send(`none ${n}`);
    const { handed, deliveries } = await testSource(t, place);
    await handed(13);
    const partitions = (isKeyed: boolean) =>
      deliveries.flatMap(({ key, body, origin }) =>
        origin.broker === 'kafka' && (key !== null) === isKeyed
          ? [[body.toString(), origin.partition] as const]
          : [],
      );
    assert.deepEqual(Object.fromEntries(partitions(true)), known);
    assert.equal(new Set(partitions(false).map(([, partition]) => partition)).size, 10);
  },
);

test(
  'one message that the broker never takes is refused alone, and those that went with it are written',
  { skip },
  async (t) => {
    const place = await testTopic(t, { settings: { 'max.message.bytes': '2000' } });
    const small = ['a', 'b', 'c'].map((text) => place.send(text));
    const large = place.send('x'.repeat(5_000));
    const more = place.send('d');
    await assert.rejects(large, MessageRefused);
    await Promise.all([...small, more]);
    const { handed } = await testSource(t, place);
    assert.deepEqual((await handed(4)).toSorted(), ['a', 'b', 'c', 'd']);
  },
);

test('a topic that is not there is told, and is not made', { skip }, async (t) => {
  const publisher = openKafkaPublisher(kafkaOptions());
  atEnd(t, () => publisher.close());
  const topic = uniqueName();
  for (const text of ['a', 'b']) {
    await assert.rejects(publisher.publish(message(topic, text)), (error) => {
      assert.ok(error instanceof BrokerRefusal);
      assert.match(error.message, /Create the topic, or correct its name/);
      return true;
    });
  }
});

test('without a broker the check and each message fail with its address', { skip }, async (t) => {
  const publisher = openKafkaPublisher(kafkaOptions('127.0.0.1:1'));
  atEnd(t, () => publisher.close());
  await assert.rejects(publisher.check(), /of Kafka at 127\.0\.0\.1:1: .*ECONNREFUSED/);
  await assert.rejects(publisher.publish(message('any', 'a')), /of Kafka at 127\.0\.0\.1:1: /);
});

test('a server of the list that hangs holds up nobody', { skip: noKafka }, async (t) => {
  const sockets = new Set<Socket>();
  const hung = createServer((socket) => sockets.add(socket.on('error', () => {})));
  await once(hung.listen(0, '127.0.0.1'), 'listening');
  atEnd(t, () => {
    for (const socket of sockets) socket.destroy();
    hung.close();
  });
  const address = hung.address();
  assert.ok(typeof address === 'object' && address !== null);
  const { topic, group } = await testTopic(t);
  const servers = [`127.0.0.1:${address.port}`, ...kafkaOptions().bootstrapServers];
  const kafka = kafkaOptions(servers.join());
  const publisher = openKafkaPublisher(kafka);
  atEnd(t, () => publisher.close());
  await publisher.publish(message(topic, 'a'));
  const { handed } = await testSource(t, { kafka, topic, group });
  assert.deepEqual(await handed(1), ['a']);
});
