import assert from 'node:assert/strict';
import { test } from 'node:test';
import { Admin, Producer, type CompressionAlgorithmValue } from '@platformatic/kafka';
import { createTopic, groupFacts } from '../../../src/broker/kafka/admin.ts';
import { clientOptions } from '../../../src/broker/kafka/connection.ts';
import { createKafkaSource } from '../../../src/broker/kafka/consumer.ts';
import { decodeProperties, textHeader } from '../../../src/broker/kafka/message.ts';
import { BrokerRefusal } from '../../../src/broker/refusals.ts';
import { silent } from '../../../src/runtime/log.ts';
import { eventually } from '../../helpers/eventually.ts';
import { bytes, kafkaOptions, noKafka, testSource, testTopic } from '../../helpers/kafka.ts';
import { atEnd, uniqueName } from '../../helpers/servers.ts';

const skip = noKafka;

test(
  'what was there before comes first; what is acknowledged is committed, and the rest comes again',
  { skip },
  async (t) => {
    const place = await testTopic(t);
    await place.send('a');
    await place.send('b');
    const first = await testSource(t, place);
    assert.deepEqual(await first.handed(2), ['a', 'b']);
    await place.send('c');
    assert.deepEqual(await first.handed(3), ['a', 'b', 'c']);
    // The oldest that is held bounds what is committed.
    for (const { body, ack } of first.deliveries) if (body.toString() !== 'b') ack();
    await first.source.close();
    assert.equal(first.source.isReady(), false);
    assert.ok(first.deliveries.every((delivery) => delivery.isGone()));
    const second = await testSource(t, place);
    assert.deepEqual(await second.handed(2), ['b', 'c']);
    for (const { ack } of second.deliveries) ack();
    await eventually('all is committed', async () => {
      const { partitions } = await groupFacts(place.kafka, place.group, place.topic);
      assert.deepEqual(partitions, [{ partition: 0, committed: 3, earliest: 0, end: 3, lag: 0 }]);
    });
    await second.source.close();
    await place.send('d');
    const third = await testSource(t, place);
    assert.deepEqual(await third.handed(1), ['d']);
  },
);

test(
  'a delivery tells its place, key, id and headers, and keeps them byte for byte',
  { skip },
  async (t) => {
    const place = await testTopic(t, { partitions: 2 });
    const binary = Buffer.from([0, 255, 254, 128]);
    const headers = [
      textHeader('message-id', 'm-1'),
      [binary, binary] as const,
      textHeader('twice', 'one'),
      textHeader('twice', 'two'),
      [bytes('nothing'), null] as const,
      [bytes('empty'), Buffer.alloc(0)] as const,
    ];
    await place.send('', { key: binary, body: binary, headers, partition: 1 });
    const { handed, deliveries } = await testSource(t, place);
    await handed(1);
    const [delivery] = deliveries;
    assert.ok(delivery !== undefined && delivery.origin.broker === 'kafka');
    const { topicId, timestamp, ...origin } = delivery.origin;
    assert.deepEqual(origin, {
      ...{ broker: 'kafka', topic: place.topic, partition: 1, offset: 0 },
      ...{ timestampType: 'CreateTime', isTombstone: false },
    });
    assert.match(topicId, /^[0-9a-f-]{36}$/);
    assert.ok(Math.abs(timestamp - Date.now()) < 600_000);
    assert.deepEqual(delivery.body, binary);
    assert.deepEqual(delivery.key, binary);
    assert.equal(delivery.messageId, 'm-1');
    assert.equal(delivery.headers()['twice'], 'two');
    assert.equal(delivery.trouble, null);
    assert.deepEqual(decodeProperties(delivery.properties), {
      ...{ key: binary, headers, isTombstone: false },
    });
  },
);

test(
  'a tombstone, an empty body and a message without a key are told apart',
  { skip },
  async (t) => {
    const place = await testTopic(t);
    await place.send('', { key: bytes('k'), body: null });
    await place.send('', { key: Buffer.alloc(0), body: Buffer.alloc(0) });
    const { handed, deliveries } = await testSource(t, place);
    assert.deepEqual(await handed(2), ['', '']);
    assert.deepEqual(
      deliveries.map(({ properties, key }) => [decodeProperties(properties).isTombstone, key]),
      [
        [true, bytes('k')],
        [false, Buffer.alloc(0)],
      ],
    );
  },
);

test(
  'opened, it takes nothing before it is resumed; paused it keeps what is held, and counts its acknowledgement',
  { skip },
  async (t) => {
    const place = await testTopic(t);
    const texts: string[] = [];
    const acks: (() => void)[] = [];
    const open = createKafkaSource({ ...place, log: silent });
    const source = await open(({ body, ack }) => {
      texts.push(body.toString());
      acks.push(ack);
    });
    atEnd(t, () => source.close());
    await place.send('a');
    await eventually('it is ready', () => assert.ok(source.isReady()));
    assert.deepEqual(texts, []);
    await source.resume();
    await eventually('one is handed out', () => assert.deepEqual(texts, ['a']));
    await source.pause();
    acks[0]?.();
    await place.send('b');
    await eventually('what was held is committed', async () => {
      const { partitions } = await groupFacts(place.kafka, place.group, place.topic);
      assert.equal(partitions[0]?.committed, 1);
    });
    assert.deepEqual(texts, ['a']);
    await source.resume();
    await eventually('it goes on', () => assert.deepEqual(texts, ['a', 'b']));
  },
);

test(
  'no more are held than it may, in number and in bytes, and one that is larger comes through',
  { skip },
  async (t) => {
    const place = await testTopic(t, { partitions: 3 });
    for (let n = 0; n < 60; n++) await place.send(String(n));
    for (const bounds of [{ prefetch: 7 }, { mostHeldBytes: 1 }]) {
      const most = bounds.prefetch ?? 1;
      const held: (() => void)[] = [];
      let taken = 0;
      let seen = 0;
      const group = uniqueName();
      const { source } = await testSource(t, { ...place, group, ...bounds }, ({ ack }) => {
        taken += 1;
        held.push(ack);
        seen = Math.max(seen, held.length);
      });
      await eventually('all were taken', () => {
        if (held.length === most || taken === 60) held.shift()?.();
        assert.equal(taken, 60);
      });
      assert.equal(seen, most);
      await source.close();
    }
  },
);

test(
  'what is released lets go of its room, stays uncommitted, and comes again',
  { skip },
  async (t) => {
    const place = await testTopic(t);
    await place.send('a');
    await place.send('b');
    const first = await testSource(t, { ...place, prefetch: 1 }, ({ body, ack, release }) =>
      body.toString() === 'a' ? release() : ack(),
    );
    assert.deepEqual(await first.handed(2), ['a', 'b']);
    await first.source.close();
    const second = await testSource(t, place);
    assert.deepEqual(await second.handed(2), ['a', 'b']);
  },
);

test('messages come out of every compression that Kafka has', { skip }, async (t) => {
  const place = await testTopic(t);
  const algorithms: CompressionAlgorithmValue[] = ['none', 'gzip', 'snappy', 'lz4', 'zstd'];
  for (const compression of algorithms) {
    const producer = new Producer({ ...clientOptions(place.kafka), compression });
    const messages = Array.from({ length: 3 }, (_, n) => ({
      ...{ topic: place.topic, partition: 0, value: bytes(`${compression} ${n}`) },
    }));
    await producer.send({ messages, acks: -1 });
    await producer.close();
  }
  const { handed } = await testSource(t, place);
  assert.deepEqual(
    await handed(15),
    algorithms.flatMap((each) => [`${each} 0`, `${each} 1`, `${each} 2`]),
  );
});

test(
  'messages of aborted transactions are left out, and those of others are not',
  { skip },
  async (t) => {
    const place = await testTopic(t);
    const producer = new Producer({
      ...clientOptions(place.kafka),
      ...{ idempotent: true, transactionalId: uniqueName() },
    });
    atEnd(t, () => producer.close());
    for (const [text, isKept] of [
      ['a', false],
      ['b', true],
      ['c', false],
    ] as const) {
      const transaction = await producer.beginTransaction();
      await transaction.send({
        messages: [{ topic: place.topic, partition: 0, value: bytes(text) }],
      });
      await (isKept ? transaction.commit() : transaction.abort());
      await place.send(`after ${text}`);
    }
    const { handed } = await testSource(t, place);
    assert.deepEqual(await handed(4), ['after a', 'b', 'after b', 'after c']);
  },
);

test('partitions that the topic gets later are read, too', { skip }, async (t) => {
  const place = await testTopic(t);
  const { handed, deliveries } = await testSource(t, place, ({ ack }) => ack());
  await place.send('a');
  await handed(1);
  const admin = new Admin(clientOptions(place.kafka));
  atEnd(t, () => admin.close());
  await admin.createPartitions({
    topics: [{ name: place.topic, count: 2, assignments: [{ brokerIds: [1] }] }],
  });
  await eventually('the publisher knows of it', async () => {
    await place.send('b', { partition: 1 });
    const partitions = deliveries.map(
      ({ origin }) => origin.broker === 'kafka' && origin.partition,
    );
    assert.ok(partitions.includes(1));
  });
});

test(
  'an offset that is not there any more is told, and the topic is read from its beginning',
  { skip },
  async (t) => {
    const place = await testTopic(t);
    const told: string[] = [];
    const log = { ...silent, error: (_: object, sentence: string) => void told.push(sentence) };
    for (const text of ['a', 'b', 'c']) await place.send(text);
    const first = await testSource(t, place, ({ body, ack }) => {
      if (body.toString() === 'a') ack();
    });
    await first.handed(3);
    await first.source.close();
    const admin = new Admin(clientOptions(place.kafka));
    atEnd(t, () => admin.close());
    await admin.deleteRecords({
      topics: [{ name: place.topic, partitions: [{ partition: 0, offset: 2n }] }],
    });
    const second = await testSource(t, { ...place, log });
    assert.deepEqual(await second.handed(1), ['c']);
    assert.deepEqual(told, ['Messages were deleted before they were read: compare retention.ms']);
  },
);

test(
  'a topic that is made anew while it is read is read from its first message',
  { skip },
  async (t) => {
    const place = await testTopic(t);
    const { topic, kafka } = place;
    const { handed, deliveries, texts } = await testSource(t, place);
    const olds = Array.from({ length: 10 }, (_, n) => `old ${n}`);
    for (const text of olds) await place.send(text);
    await handed(10);
    const admin = new Admin(clientOptions(kafka));
    atEnd(t, () => admin.close());
    await admin.deleteTopics({ topics: [topic] });
    await eventually('it is made anew', async () =>
      assert.equal(await createTopic(kafka, { topic, partitions: 1 }), 'created'),
    );
    const news = Array.from({ length: 20 }, (_, n) => `new ${n}`);
    for (const text of news) {
      await eventually('it is confirmed', () => place.send(text));
      // What was taken from the old one is acknowledged only now.
      for (const { ack } of deliveries) ack();
    }
    await eventually('all of it is read', () => {
      for (const { ack } of deliveries) ack();
      assert.deepEqual([...new Set(texts())], [...olds, ...news]);
    });
  },
);

test('a message that cannot be handed out is not committed', { skip }, async (t) => {
  const place = await testTopic(t);
  let tries = 0;
  const now = (): number => {
    tries += 1;
    if (tries === 1) throw new Error('the clock of the database is away');
    return 0;
  };
  const first = await testSource(t, { ...place, now }, ({ ack }) => ack());
  await place.send('a');
  await place.send('b');
  assert.deepEqual(await first.handed(1), ['b']);
  await first.source.close();
  const second = await testSource(t, place);
  assert.deepEqual(await second.handed(2), ['a', 'b']);
});

test('a fault in what reads is told, and the next message is read', { skip }, async (t) => {
  const place = await testTopic(t);
  const told: object[] = [];
  const log = {
    ...silent,
    warn: (facts: object) => void told.push(facts),
    error: () => {
      throw new Error('the disk of the log is full');
    },
  };
  const { texts } = await testSource(t, { ...place, log }, ({ body }) => {
    if (body.toString() === 'a') throw new Error('a fault of ours');
  });
  await place.send('a');
  await place.send('b');
  await eventually('b is read', () => assert.deepEqual(texts(), ['a', 'b']));
  assert.match(JSON.stringify(told), /the disk of the log is full/);
});

test('a topic that is not there ends the start with the remedy', { skip }, async (t) => {
  const topic = uniqueName();
  await assert.rejects(testSource(t, { kafka: kafkaOptions(), topic, group: topic }), (error) => {
    assert.ok(error instanceof BrokerRefusal);
    assert.match(error.message, new RegExp(`no topic "${topic}". Create it, or correct its name`));
    return true;
  });
});

test('an error in the handler loses nothing of what comes after it', { skip }, async (t) => {
  const place = await testTopic(t);
  await place.send('a');
  await place.send('b');
  const { handed } = await testSource(t, place, () => {
    throw new Error('a fault of ours');
  });
  assert.deepEqual(await handed(2), ['a', 'b']);
});
