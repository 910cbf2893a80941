import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { TestContext } from 'node:test';
import type { MessageProperties, Options } from 'amqplib';
import fc from 'fast-check';
import {
  fieldsOf,
  rawOf,
  readTable,
  withFields,
} from '../../../src/broker/rabbitmq/amqp-tables.ts';
import { redriveOf } from '../../../src/broker/redrive.ts';
import { HEADER } from '../../../src/domain/names.ts';
import {
  decodeProperties,
  recordsProperties,
  encodeProperties,
} from '../../../src/broker/rabbitmq/message.ts';
import { propertiesOf } from '../../helpers/properties.ts';
import { field, sized } from '../../helpers/raw-frames.ts';
import { testPublisher, testQueues } from '../../helpers/servers.ts';

/** What is kept of a delivery, and published again. */
const kept = (given: Partial<MessageProperties>) =>
  decodeProperties(encodeProperties(propertiesOf(given)).properties);

const namesIn = (fields: Buffer): string[] => fieldsOf(fields).fields.map(({ name }) => name);

test('every property that is kept comes out as it went in, the messageId with them', () => {
  const given = {
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
  const { properties, fields, dropped } = kept(given);
  assert.deepEqual(properties, given);
  assert.deepEqual([fields.length, dropped], [0, []]);
});

test('no properties at all are none', () => {
  const { properties, fields, dropped } = decodeProperties('');
  assert.deepEqual([properties, fields.length, dropped], [{}, 0, []]);
});

test('headers that are ours, or the broker’s counts, are left out, and those of a publisher are not', () => {
  const headers = {
    ...Object.fromEntries(Object.values(HEADER).map((name) => [name, 'forged'])),
    'x-delivery-count': 3,
    'x-acquired-count': 4,
    'x-request-id': 'trace-abc',
    'x-failure-class': 'theirs',
    'x-despachante': 'not ours',
  };
  const left = ['x-request-id', 'x-failure-class', 'x-despachante'];
  assert.deepEqual(namesIn(kept({ headers }).fields), left);
});

test('headers that do not fit are named, and the others are kept', () => {
  const headers = { a: 1, large: 'x'.repeat(57 * 1024), b: 2 };
  const { fields, dropped } = kept({ headers });
  assert.deepEqual(namesIn(fields), ['a', 'b']);
  assert.deepEqual(dropped, ['large (58379 bytes)']);
  const { trouble } = encodeProperties(propertiesOf({ headers }));
  assert.equal(trouble, 'large (58379 bytes)');
});

test('a property that the client can read and not write is named, and the others are kept', () => {
  const [fits, long] = ['é'.repeat(127), 'é'.repeat(128)];
  for (const name of ['contentType', 'correlationId', 'replyTo', 'messageId', 'type', 'appId']) {
    const fitting = { [name]: fits, timestamp: 0 };
    assert.deepEqual(kept(fitting).properties, fitting);
    const { properties, dropped } = kept({ [name]: long, timestamp: 2 ** 64, priority: 5 });
    assert.deepEqual(properties, { priority: 5 });
    assert.deepEqual(new Set(dropped), new Set([name, 'timestamp']));
  }
});

/** What RabbitMQ hands over for headers that were published, through its queue. */
async function overTheWire(t: TestContext, sent: Record<string, unknown>, more: object = {}) {
  const queues = await testQueues(t);
  const publisher = await testPublisher(t);
  const queue = queues.rabbit.failureQueue;
  const again = async (properties: Options.Publish) => {
    await publisher.publish(queue, Buffer.from('{}'), properties);
    return (await queues.take(queue)).properties;
  };
  const first = await again({ ...more, headers: sent });
  const message = encodeProperties(first);
  const { trouble } = message;
  assert.equal(trouble, null);
  const { properties, fields } = decodeProperties(message.properties);
  return { first, second: await again({ ...properties, headers: withFields({}, fields) }) };
}

test('over the wire and back again, headers of every type are the same bytes', async (t) => {
  const sent = {
    text: 'é',
    bytes: Buffer.from([0, 255]),
    list: [1, Buffer.from('x'), [true, null]],
    time: { '!': 'timestamp', value: 1_700_000_000 },
    decimal: { '!': 'decimal', value: { digits: 1234, places: 2 } },
    long: { '!': 'int64', value: 2n ** 60n + 1n },
    wide: { '!': 'int32', value: 5 },
    single: { '!': 'float', value: 0.5 },
    table: { $oid: 'zz', deep: { bytes: Buffer.from('y') } },
    $oid: 'zz',
    constructor: 'x',
    ['x'.repeat(255)]: 1,
    '': 2,
  };
  const { first, second } = await overTheWire(t, sent);
  // The broker may have put its own count beside them.
  const bytesOf = ({ headers }: MessageProperties) =>
    fieldsOf(rawOf(headers ?? {})?.bytes ?? Buffer.alloc(0)).fields.filter(
      ({ name }) => name !== 'x-delivery-count',
    );
  assert.equal(bytesOf(first).length, Object.keys(sent).length);
  assert.deepEqual(bytesOf(second), bytesOf(first));
});

test('what would do something when it is published again comes out under a name of ours', async (t) => {
  const more = { expiration: '600000', userId: 'guest' };
  const { second } = await overTheWire(t, { CC: ['nowhere'], cc: ['no header of RabbitMQ'] }, more);
  assert.deepEqual([second.expiration, second.userId], [undefined, undefined]);
  const headers: Record<string, unknown> = { ...second.headers };
  delete headers['x-delivery-count']; // the broker's own
  assert.deepEqual(headers, {
    cc: ['no header of RabbitMQ'],
    'x-despachante-original-cc': ['nowhere'],
    'x-despachante-original-expiration': '600000',
    'x-despachante-original-user-id': 'guest',
  });
});

test('a record is sent in again with all its headers, ours too, and without the broker’s count', async (t) => {
  const queues = await testQueues(t);
  const publisher = await testPublisher(t);
  const { failureQueue, intakeQueue } = queues.rabbit;
  const headers = { [HEADER.class]: 'failed', [HEADER.token]: 't', tenant: 'sp' };
  await publisher.publish(failureQueue, Buffer.from('{}'), { headers, messageId: 'm' });
  const record = await queues.take(failureQueue);
  await publisher.publish(intakeQueue, record.content, recordsProperties(record.properties));
  const { properties } = await queues.take(intakeQueue);
  const came: Record<string, unknown> = { ...properties.headers };
  delete came['x-delivery-count'];
  assert.deepEqual([came, properties.messageId], [headers, 'm']);
});

const unreadable: [what: string, value: Buffer, reason: RegExp][] = [
  ['a type that amqplib does not know', field('odd', 'L', Buffer.alloc(8)), /"L"/],
  ['a short of AMQP 0-9-1', field('odd', 'U', [0, 1]), /"U"/],
  ['a type that nobody knows', field('odd', '?', [1]), /"\?"/],
  [
    'such a type in a table in an array',
    field(
      'odd',
      'A',
      sized(Buffer.concat([Buffer.from('F'), sized(field('in', 'L', Buffer.alloc(8)))])),
    ),
    /"L"/,
  ],
  ['a text that is cut off', field('odd', 'S', [0, 0]), /./],
  ['an array that is cut off', field('odd', 'A', [0, 0, 1]), /./],
  ['a name that is cut off', Buffer.from([200, 1]), /./],
  ['an integer that is cut off', field('odd', 'l', [1]), /./],
];
for (const [what, value, reason] of unreadable) {
  test(`headers with ${what} are read without it, and the reason is told`, () => {
    const headers = readTable(Buffer.concat([field('good', 't', [1]), value]));
    assert.equal(headers['good'], true);
    const { trouble } = encodeProperties(propertiesOf({ headers }));
    assert.match(trouble ?? '', reason);
  });
}

test('any bytes are read as headers, and kept as far as they can be told apart', () => {
  const tags = [...'tbBsuUiIlLfdDSAFVxT?'].map((tag) => tag.charCodeAt(0));
  const byte = fc.oneof(fc.nat(255), fc.constantFrom(...tags), fc.constantFrom(0, 1, 2, 3));
  fc.assert(
    fc.property(fc.array(byte, { maxLength: 60 }), (given) => {
      const bytes = Buffer.from(given);
      const headers = readTable(bytes);
      const { fields } = kept({ headers });
      const { fields: apart, rest } = fieldsOf(bytes);
      assert.equal(
        apart.reduce((sum, each) => sum + each.bytes.length, rest.length),
        bytes.length,
      );
      assert.ok(fields.length <= bytes.length);
    }),
    { numRuns: 5_000 },
  );
});

test('headers nested thousands deep are not read, and kept', () => {
  let deep: Buffer = Buffer.alloc(0);
  for (let n = 0; n < 5_000; n++) deep = field('', 'F', sized(deep));
  const headers = readTable(Buffer.concat([field('good', 't', [1]), deep]));
  assert.deepEqual(Object.keys(headers), ['good']);
  const message = encodeProperties(propertiesOf({ headers }));
  const { trouble } = message;
  assert.equal(trouble, 'headers nested deeper than 64');
  assert.deepEqual(namesIn(decodeProperties(message.properties).fields), ['good', '']);
});

test('what no broker has sent and amqplib cannot write is told, and nothing is thrown', () => {
  const headers = { odd: { '!': 'colour', value: 'red' } };
  const { trouble } = encodeProperties(propertiesOf({ headers }));
  assert.match(trouble ?? '', /colour/);
});

const record = (generation: unknown) => ({
  [HEADER.class]: 'failed',
  [HEADER.token]: 't',
  [HEADER.generation]: generation,
});
const redrives: [name: string, headers: Record<string, unknown> | undefined, number | null][] = [
  ['no headers', undefined, null],
  ['other headers', { 'x-tenant': 'sp' }, null],
  ['a failure record', record(0), 0],
  ['a failure record that was redriven twice', record(2), 2],
  ['a number that a tool has made a text', record('2'), 2],
  ['no generation', record(undefined), null],
  ['a generation alone', { [HEADER.generation]: 1 }, null],
  ['no token', { ...record(0), [HEADER.token]: undefined }, null],
  ['a negative generation', record(-1), null],
  ['a fraction', record(0.5), null],
  ['words', record('often'), null],
  ['a class that is no text', { ...record(0), [HEADER.class]: 1 }, null],
  ['a token that is no text', { ...record(0), [HEADER.token]: Buffer.from('t') }, null],
];
for (const [name, given, expected] of redrives) {
  test(`${name}: ${expected === null ? 'no redrive' : `perhaps a redrive of generation ${expected}`}`, () => {
    assert.deepEqual(
      redriveOf(given),
      expected === null ? { failedGeneration: null } : { failedGeneration: expected, token: 't' },
    );
  });
}
