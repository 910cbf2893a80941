import assert from 'node:assert/strict';
import { test } from 'node:test';
import { encodeFields, readTable } from '../../../src/broker/rabbitmq/amqp-tables.ts';
import { headerValues, textsOf } from '../../../src/broker/rabbitmq/headers.ts';

const field = (name: string, value: Buffer): Buffer =>
  Buffer.concat([Buffer.from([name.length]), Buffer.from(name), value]);

const long = (tag: string, value: bigint): Buffer => {
  const bytes = Buffer.alloc(9);
  bytes.write(tag);
  bytes.writeBigUInt64BE(BigInt.asUintN(64, value), 1);
  return bytes;
};

test('headers are shown to the last digit of a long number, and by whatever name', () => {
  const plain = encodeFields({ tenant: 'recife', count: 7, nested: { a: [1] }, none: null });
  const text = encodeFields({ v: 'polluted' }).subarray(2);
  const table = encodeFields({ v: { polluted: true } }).subarray(2);
  const values = (bytes: Buffer) => Object.entries(headerValues(readTable(bytes)));
  assert.deepEqual(
    values(
      Buffer.concat([
        plain,
        field('order', long('l', 9_007_199_254_740_993n)),
        field('debt', long('l', -9_223_372_036_854_775_807n)),
        field('most', long('L', 18_446_744_073_709_551_615n)),
        field('small', long('l', 12n)),
        field('at', long('T', 9_007_199_254_740_993n)),
        field('__proto__', text),
      ]),
    ),
    [
      ['tenant', 'recife'],
      ['count', 7],
      ['nested', { a: [1] }],
      ['none', null],
      ['order', '9007199254740993'],
      ['debt', '-9223372036854775807'],
      ['most', '18446744073709551615'],
      ['small', 12],
      ['at', { '!': 'timestamp', value: '9007199254740993' }],
      ['__proto__', 'polluted'],
    ],
  );
  assert.deepEqual(values(field('__proto__', table)), [['__proto__', { polluted: true }]]);
});

test('headers that came from no broker are shown as they are', () => {
  assert.deepEqual(headerValues({ a: 1 }), { a: 1 });
  assert.deepEqual(headerValues(), {});
});

test('as texts they are without those that are null, and bytes are their text', () => {
  const binary = Buffer.from([0xff, 0]);
  assert.deepEqual(
    textsOf({ a: 'b', none: null, bytes: Buffer.from('é'), binary, number: 7, list: [1] }),
    { a: 'b', bytes: 'é', binary: 'ff00', number: '7', list: '[1]' },
  );
});
