import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { MessageProperties } from 'amqplib';
import fc from 'fast-check';
import { fromWire, keptOf, redriveOf, toWire } from '../../src/message.ts';
import { propertiesOf } from '../helpers/properties.ts';
import { testPublisher, testQueues } from '../helpers/servers.ts';

const roundTrip = (given: Partial<MessageProperties>) =>
  fromWire(toWire(Buffer.alloc(0), propertiesOf(given)).properties);

test('the body is base64 of the very bytes', () => {
  fc.assert(
    fc.property(fc.uint8Array(), (bytes) => {
      const { body } = toWire(Buffer.from(bytes), propertiesOf({}));
      assert.deepEqual(Buffer.from(body, 'base64'), Buffer.from(bytes));
    }),
  );
});

test('every property that is kept comes out as it went in', () => {
  const kept = {
    contentType: 'application/json',
    contentEncoding: 'utf-8',
    correlationId: 'c-1',
    replyTo: 'answers',
    messageId: 'm-1',
    timestamp: 1_700_000_000,
    type: 'registration',
    appId: 'crm',
    priority: 5,
  };
  assert.deepEqual(roundTrip(kept), { ...kept, headers: {} });
});

test('an expiration would let a failure record vanish and a userId have it refused: both are left out', () => {
  assert.deepEqual(roundTrip({ expiration: '1000', userId: 'guest', deliveryMode: 1 }), {
    headers: {},
  });
});

const headers: [name: string, value: unknown][] = [
  ['a text', 'é😀'],
  ['numbers', [0, -1, 1.5, 2_147_483_648, 9_007_199_254_740_991, -9_007_199_254_740_991]],
  ['true, false and nothing', [true, false, null]],
  ['bytes', Buffer.from([0, 255, 1])],
  ['bytes in a list and in a table', [Buffer.from('x'), { deep: Buffer.from('y') }]],
  ['a time', { '!': 'timestamp', value: 1_700_000_000 }],
  ['a decimal', { '!': 'decimal', value: { places: 2, digits: 1234 } }],
  ['a table in a list in a table', { a: [{ b: { c: 1 } }] }],
  ['keys that Extended JSON gives a meaning', { $oid: 'zz', $date: 'x', $numberInt: '5', $$: 1 }],
  [
    'more of them',
    [{ $binary: 'x' }, { $code: 'y' }, { $ref: 'a', $id: 'b' }, { _bsontype: 'Long' }],
  ],
];
for (const [name, value] of headers) {
  test(`a header that holds ${name} comes out as it went in`, () => {
    assert.deepEqual(roundTrip({ headers: { 'x-given': value } }).headers, { 'x-given': value });
  });
}

test('a number that the client would write as an integer too large for it is marked as a double', () => {
  for (const value of [2 ** 63, -(2 ** 63), 1e300, 2 ** 51 + 0.5])
    assert.deepEqual(roundTrip({ headers: { value } }).headers, {
      value: { '!': 'double', value },
    });
});

test('headers whose own names Extended JSON gives a meaning come out as they went in', () => {
  const given = { $oid: 'zz', $date: 'x', _bsontype: 'Binary', 'a.b': 1, '': 2 };
  assert.deepEqual(roundTrip({ headers: given }).headers, given);
});

/** What the client can hand over as the value of a header. */
const { value: anyHeader } = fc.letrec((tie) => ({
  value: fc.oneof(
    { maxDepth: 4 },
    fc.string({ unit: 'grapheme' }),
    fc.integer(),
    fc.maxSafeInteger(),
    // Larger ones come out marked as what they are, a double.
    fc.double({ min: -(2 ** 49), max: 2 ** 49, noNaN: true }).filter((n) => !Object.is(n, -0)),
    fc.boolean(),
    fc.constant(null),
    fc.uint8Array({ maxLength: 20 }).map((bytes) => Buffer.from(bytes)),
    fc.nat().map((value) => ({ '!': 'timestamp', value })),
    fc.array(tie('value'), { maxLength: 4 }),
    fc.dictionary(
      fc.oneof(
        fc.string().filter((key) => key !== '!'),
        fc.constantFrom(
          '$oid',
          '$date',
          '$binary',
          '$numberLong',
          '_bsontype',
          '$_bsontype',
          '$$x',
        ),
      ),
      tie('value'),
      { maxKeys: 4, noNullPrototype: true },
    ),
  ),
}));

test('any headers come out as they went in', () => {
  fc.assert(
    fc.property(fc.dictionary(fc.string(), anyHeader, { noNullPrototype: true }), (given) => {
      assert.deepEqual(roundTrip({ headers: given }).headers, given);
    }),
    { numRuns: 1_000 },
  );
});

const impossible: [name: string, value: unknown][] = [
  ['a type that the client does not know', { '!': 'colour', value: 'red' }],
  ['a time that is no number', { '!': 'timestamp', value: 'now' }],
  ['a time beyond what a number can say', { '!': 'timestamp', value: 2 ** 64 }],
  ['a type deep inside', [{ a: { '!': 7 } }]],
  ['a name of more than 255 bytes', { ['é'.repeat(128)]: 1 }],
];
for (const [name, value] of impossible) {
  test(`headers with ${name} are refused here, as they could never be published again`, () => {
    assert.throws(() => toWire(Buffer.alloc(0), propertiesOf({ headers: { 'x-given': value } })), {
      message: /header/,
    });
  });
}

test('a name of 255 bytes can be published again, and one of 256 is refused', () => {
  const named = (name: string) => propertiesOf({ headers: { [name]: 1 } });
  assert.deepEqual(fromWire(toWire(Buffer.alloc(0), named('x'.repeat(255))).properties).headers, {
    ['x'.repeat(255)]: 1,
  });
  assert.throws(() => toWire(Buffer.alloc(0), named('x'.repeat(256))), {
    message: "a header's name of 256 bytes",
  });
});

/** 1 within as many lists. */
const deep = (depth: number): unknown =>
  Array.from({ length: depth }).reduce<unknown>((inner) => [inner], 1);

test('headers so large that our own would not fit beside them are refused', () => {
  const large = propertiesOf({ headers: { large: 'x'.repeat(100_000) } });
  assert.throws(() => toWire(Buffer.alloc(0), large), { message: /^headers of more than/ });
});

test('headers so deep that writing them would overflow the stack are refused', () => {
  const nested = propertiesOf({ headers: { deep: deep(10_000) } });
  assert.throws(() => toWire(Buffer.alloc(0), nested), { message: /^headers nested deeper than/ });
  assert.deepEqual(roundTrip({ headers: { deep: deep(60) } }).headers, { deep: deep(60) });
});

test('how often the broker has handed a message out is its own count, and left out', () => {
  assert.deepEqual(roundTrip({ headers: { 'x-delivery-count': 3, a: 1 } }).headers, { a: 1 });
});

test('headers that would send copies to the queues they name are left out, also where they were stored before', () => {
  const headers = { CC: ['registrations'], BCC: ['registrations'], cc: ['no header of RabbitMQ'] };
  const expected = { headers: { cc: ['no header of RabbitMQ'] } };
  assert.deepEqual(keptOf(propertiesOf({ headers })), expected);
  assert.equal(toWire(Buffer.alloc(0), propertiesOf({ headers })).properties.includes('CC'), false);
  assert.deepEqual(fromWire(JSON.stringify({ headers })), expected);
});

test('a property that the client can read and not write is left out, and the others are kept', () => {
  const [fits, long] = ['é'.repeat(127), 'é'.repeat(128)];
  for (const name of [
    'contentType',
    'contentEncoding',
    'correlationId',
    'replyTo',
    'messageId',
    'type',
    'appId',
  ]) {
    const kept = { [name]: fits, timestamp: 0 };
    assert.deepEqual(roundTrip(kept), { ...kept, headers: {} });
    assert.deepEqual(roundTrip({ [name]: long, timestamp: 2 ** 64, priority: 5 }), {
      priority: 5,
      headers: {},
    });
  }
});

test('what is kept of the largest properties that the client can read is published', async (t) => {
  const queues = await testQueues(t);
  const publisher = await testPublisher(t);
  const queue = queues.rabbit.failureQueue;
  const given = { correlationId: 'é'.repeat(128), appId: 'x'.repeat(255), timestamp: 2 ** 64 };
  const headers = { ['x'.repeat(255)]: 1 };
  await publisher.publish(queue, Buffer.from('{}'), {
    messageId: 'm',
    ...roundTrip({ ...given, headers }),
  });
  const { properties } = await queues.take(queue);
  assert.deepEqual(keptOf(properties), { messageId: 'm', appId: given.appId, headers });
});

test('over the wire and back again, headers of every type are the same, and can be published', async (t) => {
  const queues = await testQueues(t);
  const publisher = await testPublisher(t);
  const queue = queues.rabbit.failureQueue;
  const sent = {
    text: 'é',
    bytes: Buffer.from([0, 255]),
    list: [1, Buffer.from('x'), [true, null]],
    time: { '!': 'timestamp', value: 1_700_000_000 },
    decimal: { '!': 'decimal', value: { places: 2, digits: 1234 } },
    table: { $oid: 'zz', deep: { bytes: Buffer.from('y') } },
    $oid: 'zz',
  };
  await publisher.publish(queue, Buffer.from('{}'), { messageId: 'm', headers: sent });
  const first = await queues.take(queue);
  const wire = toWire(first.content, first.properties);
  await publisher.publish(queue, Buffer.from(wire.body, 'base64'), fromWire(wire.properties));
  const second = await queues.take(queue);
  assert.deepEqual(second.properties.headers, first.properties.headers);
  assert.deepEqual(second.properties.headers?.['bytes'], Buffer.from([0, 255]));
});

test('no properties at all are none', () => {
  assert.deepEqual(fromWire(''), { headers: {} });
});

const redrives: [name: string, headers: Record<string, unknown> | undefined, number | null][] = [
  ['no headers', undefined, null],
  ['other headers', { 'x-tenant': 'sp' }, null],
  ['a failure record', { 'x-failure-class': 'failed', 'x-redrive': 0 }, 0],
  ['a failure record that was redriven twice', { 'x-failure-class': 'failed', 'x-redrive': 2 }, 2],
  ['a number that a tool has made a text', { 'x-failure-class': 'failed', 'x-redrive': '2' }, 2],
  ['no generation', { 'x-failure-class': 'failed' }, null],
  ['a generation alone', { 'x-redrive': 1 }, null],
  ['a negative generation', { 'x-failure-class': 'failed', 'x-redrive': -1 }, null],
  ['a fraction', { 'x-failure-class': 'failed', 'x-redrive': 0.5 }, null],
  ['words', { 'x-failure-class': 'failed', 'x-redrive': 'often' }, null],
  ['a class that is no text', { 'x-failure-class': 1, 'x-redrive': 0 }, null],
];
for (const [name, given, expected] of redrives) {
  test(`${name}: ${expected === null ? 'no redrive' : `a redrive of generation ${expected}`}`, () => {
    assert.equal(redriveOf(given), expected);
  });
}
