/** Several brokers: heavy, since each is a JVM of its own. */
import assert from 'node:assert/strict';
import { after, test } from 'node:test';
import { Admin } from '@platformatic/kafka';
import { clientOptions } from '../../../src/broker/kafka/connection.ts';
import type { Delivery } from '../../../src/broker/source.ts';
import { eventually } from '../../helpers/eventually.ts';
import { bytes, kafkaOptions, noOwnKafka, testSource, testTopic } from '../../helpers/kafka.ts';
import { ownCluster } from '../../helpers/own-kafka.ts';
import { atEnd } from '../../helpers/servers.ts';

const skip = noOwnKafka;
const brokers = skip === false ? await ownCluster({ after }, 3) : [];
const kafka = kafkaOptions(brokers.map(({ address }) => address('PLAINTEXT')).join());

const PARTITIONS = [0, 1, 2, 3, 4, 5];
const acknowledge = ({ ack }: Delivery): void => ack();

/** By partition, the index of the broker that leads it. */
async function leadersOf(topic: string): Promise<number[]> {
  const admin = new Admin(clientOptions(kafka));
  try {
    const found = (await admin.metadata({ topics: [topic] })).topics.get(topic);
    return found?.partitions.map(({ leader }) => leader - 1) ?? [];
  } finally {
    await admin.close();
  }
}

test(
  'while a partition has no leader the others flow, also for who comes new, and it goes on when its broker is back',
  { skip },
  async (t) => {
    const place = await testTopic(t, { kafka, partitions: PARTITIONS.length });
    const leaders = await leadersOf(place.topic);
    const confirmed = new Set<string>();
    const publish = (text: string, partition: number): Promise<unknown> =>
      eventually(`${text} is confirmed`, () => place.send(text, { partition })).then(() =>
        confirmed.add(text),
      );
    const first = await testSource(t, place, acknowledge);
    const all: Delivery[][] = [first.deliveries];
    const seen = () => new Set(all.flat().map(({ body }) => body.toString()));
    const areRead = () =>
      eventually('all that was confirmed was read', () =>
        assert.deepEqual(
          [...confirmed].filter((text) => !seen().has(text)),
          [],
        ),
      );

    await Promise.all(PARTITIONS.map((partition) => publish(`before ${partition}`, partition)));
    await areRead();
    const [dead = 0] = leaders;
    await brokers[dead]?.kill();
    const orphans = PARTITIONS.filter((partition) => leaders[partition] === dead);
    const others = PARTITIONS.filter((partition) => leaders[partition] !== dead);
    const late = orphans.map((partition) => publish(`late ${partition}`, partition));
    await Promise.all(others.map((partition) => publish(`during ${partition}`, partition)));
    await areRead();
    // Without a partition of its own a message goes where there is a leader.
    for (const n of PARTITIONS.keys()) {
      await eventually('it is confirmed', () => place.send(`anywhere ${n}`));
      confirmed.add(`anywhere ${n}`);
    }
    await areRead();
    const second = await testSource(t, place, acknowledge);
    all.push(second.deliveries);
    await eventually('both read', async () => {
      const round = String(confirmed.size);
      await Promise.all(others.map((each) => publish(`joined ${round} ${each}`, each)));
      await areRead();
      assert.ok(second.deliveries.length > 0);
    });
    assert.ok(first.source.isReady() && second.source.isReady());
    assert.equal([...seen()].filter((text) => text.startsWith('late')).length, 0);

    await brokers[dead]?.start();
    await Promise.all(late);
    await areRead();
    t.diagnostic(`${all.flat().length - seen().size} of ${seen().size} came again`);
  },
);

test(
  'when the leader of a replicated partition is killed, the next one is read, in the order of the offsets',
  { skip },
  async (t) => {
    const place = await testTopic(t, { kafka, partitions: 3, replicationFactor: 3 });
    const { deliveries, texts } = await testSource(t, place, acknowledge);
    const [dead = 0] = await leadersOf(place.topic);
    const publish = (text: string) =>
      eventually(`${text} is confirmed`, () => place.send(text, { key: bytes('k'), partition: 0 }));
    for (let n = 0; n < 20; n++) await publish(String(n));
    await eventually('it is read', () => assert.ok(deliveries.length >= 20));
    await brokers[dead]?.kill();
    atEnd(t, async () => brokers[dead]?.start());
    for (let n = 20; n < 40; n++) await publish(String(n));
    const wanted = Array.from({ length: 40 }, (_, n) => String(n));
    await eventually('all is read', () => assert.deepEqual([...new Set(texts())], wanted));
  },
);
