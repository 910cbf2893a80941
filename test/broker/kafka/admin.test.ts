import assert from 'node:assert/strict';
import { test } from 'node:test';
import { createTopic, groupFacts, topicFacts } from '../../../src/broker/kafka/admin.ts';
import { kafkaOptions, noKafka, testSource, testTopic } from '../../helpers/kafka.ts';
import { uniqueName } from '../../helpers/servers.ts';

const skip = noKafka;

test(
  'a topic is made as asked for, once, and tells its settings; one that is not there tells nothing',
  { skip },
  async () => {
    const kafka = kafkaOptions();
    const topic = uniqueName();
    const settings = { 'retention.ms': '1234', 'cleanup.policy': 'compact' };
    const wanted = { topic, partitions: 3, replicationFactor: 1, settings };
    assert.equal(await createTopic(kafka, wanted), 'created');
    assert.equal(await createTopic(kafka, wanted), 'exists');
    const [facts, none] = await topicFacts(kafka, [topic, uniqueName()]);
    assert.equal(none, undefined);
    const { topicId, ...told } = facts ?? { topicId: '' };
    assert.match(topicId, /^[0-9a-f-]{36}$/);
    assert.deepEqual(told, {
      ...{ topic, partitions: 3, replicationFactor: 1, minInsyncReplicas: 1 },
      ...{ retentionMs: 1234, cleanupPolicy: 'compact' },
      ...{ maxMessageBytes: 1_048_588, compressionType: 'producer' },
    });
  },
);

test('a group tells its members and how far it is behind', { skip }, async (t) => {
  const place = await testTopic(t);
  await place.send('a');
  await place.send('b');
  const before = await groupFacts(place.kafka, place.group, place.topic);
  assert.deepEqual(before.members, []);
  assert.deepEqual(before.partitions, [
    { partition: 0, committed: null, earliest: 0, end: 2, lag: 2 },
  ]);
  const { handed } = await testSource(t, place);
  await handed(2);
  const during = await groupFacts(place.kafka, place.group, place.topic);
  assert.deepEqual(
    during.members.map(({ clientId }) => clientId),
    ['despachante-test'],
  );
  assert.equal(during.protocolType, 'consumer');
  assert.equal(during.state, 'Stable');
});
