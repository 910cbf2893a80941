/** Which task a delivery is. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { bodyHashOf } from '../../src/broker/body-hash.ts';
import { redriveOf } from '../../src/broker/redrive.ts';
import { keyBytes, keyText } from '../../src/broker/texts.ts';
import type { Delivery } from '../../src/broker/source.ts';
import { HEADER } from '../../src/domain/names.ts';
import type { Origin } from '../../src/domain/origin.ts';
import { readTask } from '../../src/tasks/delivery.ts';

const KAFKA: Origin = {
  broker: 'kafka',
  ...{ topic: 'emails', topicId: 't', partition: 0, offset: 7, isTombstone: false },
  timestamp: 0,
  timestampType: 'CreateTime',
};
const RABBIT: Origin = { broker: 'rabbitmq', queue: 'q', exchange: '', routingKey: 'q' };

async function taskOf(headers: Record<string, unknown>, more: Partial<Delivery> = {}) {
  const delivery = {
    ...{ body: Buffer.from('1'), properties: '', trouble: null, receivedAt: 0, key: null },
    ...{ messageId: null, origin: RABBIT, headers: () => headers, ...redriveOf(headers) },
    ...more,
  };
  const rules = { worker: 'Sample', group: 'g', isOrdered: false, mostBytes: 10_000 };
  const read = await readTask(delivery, { ...rules, identify: null, labelOf: (id) => id });
  assert.ok(read.ok);
  assert.equal(read.item.bodyHash, bodyHashOf(Buffer.from('1')));
  return read.item;
}

test('texts, their bytes and whole numbers in headers are ids and keys, and nothing else is', async () => {
  const named = async (value: unknown) => {
    const { id, key } = await taskOf({ id: value, [HEADER.key]: value });
    return [id.length === 36 ? 'a fresh one' : id, key];
  };
  assert.deepEqual(await named('a'), ['a', 'a']);
  assert.deepEqual(await named(Buffer.from('é')), ['é', 'é']);
  assert.deepEqual(await named(7), ['7', '7']);
  for (const none of [null, undefined, '', true, 1.5, { a: 1 }, [1]])
    assert.deepEqual(await named(none), ['a fresh one', null], JSON.stringify(none));
});

test('a dead letter that comes again is the task that it was, though its message had no id', async () => {
  const letter = {
    ...{ [HEADER.class]: 'permanent', [HEADER.token]: 'secret', [HEADER.generation]: '0' },
    [HEADER.item]: 'Sample/g:t:0:3~0',
  };
  const again = await taskOf(letter, { origin: KAFKA });
  assert.deepEqual([again.id, again.failedGeneration, again.token], ['g:t:0:3', 0, 'secret']);
  const place = 'g:t:0:7';
  const ofOther = { ...letter, [HEADER.item]: 'Other/g:t:0:3~0' };
  assert.equal((await taskOf(ofOther, { origin: KAFKA })).id, place);
  const forged = { [HEADER.item]: letter[HEADER.item] };
  assert.equal((await taskOf(forged, { origin: KAFKA })).id, place);
});

test('keys of any bytes are told apart, and are published as they were', async () => {
  const keys = [
    ...[Buffer.from('user-1'), Buffer.alloc(0), Buffer.from([0xff]), Buffer.from([0xfe])],
    ...[Buffer.from('hex:ff'), Buffer.from('hex:'), Buffer.from('hex:FF')],
  ];
  const texts = keys.map(keyText);
  assert.deepEqual(texts.map(keyBytes), keys);
  assert.equal(new Set(texts).size, keys.length);
  assert.deepEqual(texts.slice(0, 3), ['user-1', '', 'hex:ff']);
  assert.equal((await taskOf({}, { origin: KAFKA, key: Buffer.from([0xff]) })).key, 'hex:ff');
});
