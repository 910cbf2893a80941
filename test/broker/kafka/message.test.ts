import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { deadLetterOf } from '../../../src/broker/kafka/dead-letters.ts';
import {
  decodeProperties,
  encodeProperties,
  headerTexts,
  messageIdOf,
  textHeader,
} from '../../../src/broker/kafka/message.ts';

const buffer = fc.uint8Array({ maxLength: 20 }).map((bytes) => Buffer.from(bytes));
const nullable = fc.option(buffer, { nil: null });

test('key, headers and a missing body come back byte for byte, with empty ones and several of one name', () => {
  fc.assert(
    fc.property(
      nullable,
      fc.array(fc.tuple(buffer, nullable), { maxLength: 5 }),
      fc.boolean(),
      (key, headers, isTombstone) => {
        const properties = { key, headers, isTombstone };
        assert.deepEqual(decodeProperties(encodeProperties(properties)), properties);
      },
    ),
  );
});

test('headers are told as texts, the last of a name', () => {
  const headers = [textHeader('a', '1'), textHeader('b', '2'), textHeader('a', '3')];
  assert.deepEqual(headerTexts(headers), { a: '3', b: '2' });
  assert.deepEqual(headerTexts([[Buffer.from('a'), null]]), { a: '' });
});

test('a message is known by the header "message-id", else by "id", and by none that is empty', () => {
  assert.equal(messageIdOf([textHeader('id', 'b'), textHeader('message-id', 'a')]), 'a');
  assert.equal(messageIdOf([textHeader('id', 'b'), textHeader('message-id', '')]), 'b');
  assert.equal(messageIdOf([[Buffer.from('id'), null]]), null);
});

test("a dead letter keeps what came and adds the story in our headers and in Spring's", () => {
  const properties = encodeProperties({
    key: Buffer.from('k'),
    headers: [textHeader('theirs', 'x'), textHeader('x-despachante-class', 'of before')],
    isTombstone: false,
  });
  const origin = {
    broker: 'kafka' as const,
    topic: 'emails',
    topicId: 'an id',
    partition: 3,
    offset: 258,
    timestamp: 1_700_000_000_000,
    timestampType: 'LogAppendTime' as const,
    isTombstone: false,
  };
  const letter = deadLetterOf(
    'dlq_emails',
    { body: Buffer.from('body'), properties },
    origin,
    { 'x-despachante-class': 'exhausted', 'x-despachante-run': null },
    { group: 'senders', exception: 'exhausted', message: 'no answer' },
  );
  assert.equal(letter.topic, 'dlq_emails');
  assert.equal(letter.partition, 3);
  assert.deepEqual([letter.key, letter.body], [Buffer.from('k'), Buffer.from('body')]);
  const values = new Map(letter.headers.map(([name, value]) => [name.toString(), value]));
  assert.equal(values.size, letter.headers.length, 'a name is there once');
  assert.equal(values.get('theirs')?.toString(), 'x');
  assert.equal(values.get('x-despachante-class')?.toString(), 'exhausted');
  assert.equal(values.has('x-despachante-run'), false);
  assert.deepEqual(values.get('kafka_dlt-original-partition'), Buffer.from([0, 0, 0, 3]));
  assert.deepEqual(values.get('kafka_dlt-original-offset'), Buffer.from([0, 0, 0, 0, 0, 0, 1, 2]));
  assert.equal(values.get('kafka_dlt-original-timestamp-type')?.toString(), 'LogAppendTime');
});
