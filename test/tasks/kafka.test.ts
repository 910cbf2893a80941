import assert from 'node:assert/strict';
import { test } from 'node:test';
import { bytes, noKafka, testSource, testTopic } from '../helpers/kafka.ts';
import { textHeader } from '../../src/broker/kafka/message.ts';
import { HEADER } from '../../src/domain/names.ts';
import type { Call, Ended } from '../../src/workers/call.ts';
import { testWorkers } from '../helpers/workers.ts';

const skip = noKafka;

test(
  'a message of a topic is handled with its key and headers, and its output has the key',
  { skip },
  async (t) => {
    const calls: Call[] = [];
    const { topic, group, send, kafka } = await testTopic(t);
    const output = await testTopic(t);
    const sent = await testSource(t, { kafka, topic: output.topic, group: output.group });
    const flow = await testWorkers(
      t,
      (call): Ended => {
        calls.push(call);
        const channel = { broker: 'kafka', name: output.topic } as const;
        return {
          kind: 'done',
          result: 1,
          outgoing: [{ channel, key: call.key, message: { ok: true } }],
        };
      },
      {
        from: { broker: 'kafka', name: topic, group },
        deadLetters: { broker: 'kafka', name: `dlq_${topic}` },
      },
    );
    await send('{"to":"ana"}', {
      key: bytes('user-1'),
      headers: [textHeader('message-id', 'm-1'), textHeader('tenant', 'a')],
    });
    assert.equal((await flow.settled('m-1')).outcome?.kind, 'done');
    const [call] = calls;
    assert.deepEqual([call?.id, call?.key, call?.headers['tenant']], ['m-1', 'user-1', 'a']);
    assert.deepEqual(await sent.handed(1), ['{"ok":true}']);
    const [delivery] = sent.deliveries;
    assert.deepEqual(
      [delivery?.key?.toString(), delivery?.messageId],
      ['user-1', 'Sample/m-1~0/0'],
    );
  },
);

test(
  'a message without an id is known by its place, and what fails for good is a dead letter with its story',
  { skip },
  async (t) => {
    const { topic, group, send, kafka } = await testTopic(t);
    const letters = await testTopic(t);
    const taken = await testSource(t, { kafka, topic: letters.topic, group: letters.group });
    const flow = await testWorkers(
      t,
      (): Ended => ({
        kind: 'failed',
        failure: 'permanent',
        reason: 'no such user',
        class: 'NoUser',
      }),
      {
        from: { broker: 'kafka', name: topic, group },
        deadLetters: { broker: 'kafka', name: letters.topic },
      },
    );
    await send('{"to":"nobody"}', { key: bytes('k') });
    await taken.handed(1);
    const [letter] = taken.deliveries;
    assert.equal(letter?.body.toString(), '{"to":"nobody"}');
    assert.equal(letter?.key?.toString(), 'k');
    const headers = letter?.headers() ?? {};
    assert.deepEqual(
      [headers[HEADER.class], headers[HEADER.reason], headers['kafka_dlt-original-topic']],
      ['permanent', 'no such user', topic],
    );
    const claim = await flow.claims.findOne({ worker: 'Sample' });
    assert.match(claim?.item ?? '', new RegExp(`^Sample/${group}:.+:0:0$`));
  },
);
