import assert from 'node:assert/strict';
import { test } from 'node:test';
import { eventually } from '../../helpers/eventually.ts';
import { kafkaOptions, noOwnKafka, testSource, testTopic } from '../../helpers/kafka.ts';
import { ownKafka } from '../../helpers/own-kafka.ts';

test(
  'a broker that is killed and comes back: the source goes on in its place, and nothing is lost',
  { skip: noOwnKafka },
  async (t) => {
    const broker = await ownKafka(t);
    const kafka = kafkaOptions(broker.address('PLAINTEXT'));
    const place = await testTopic(t, { kafka, partitions: 4 });
    const confirmed = new Set<string>();
    const publish = async (text: string): Promise<void> => {
      await place.send(text);
      confirmed.add(text);
    };
    const { source, deliveries, texts } = await testSource(t, place, ({ ack }) => ack());
    await Promise.all(Array.from({ length: 1_000 }, (_, n) => publish(`before ${n}`)));
    await eventually('some was read', () => assert.ok(deliveries.length > 100));
    const during = Promise.allSettled(
      Array.from({ length: 30_000 }, (_, n) => publish(`during ${n}`)),
    );
    await eventually('some are confirmed', () => assert.ok(confirmed.size > 1_500));
    await broker.kill();
    await during;
    await broker.start();
    // It works again as soon as the broker does: this is what a caller does whose message was not confirmed.
    await eventually('it is published again', () => publish('after'));
    await eventually('all that was confirmed was read', () => {
      const seen = new Set(texts());
      assert.deepEqual(
        [...confirmed].filter((text) => !seen.has(text)),
        [],
      );
    });
    assert.ok(source.isReady());
    // What was acknowledged is known to the source, though the broker was gone before it was told.
    assert.equal(deliveries.length, new Set(texts()).size);
    t.diagnostic(`${confirmed.size} were confirmed`);
  },
);
