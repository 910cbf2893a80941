import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { readDelivery } from '../../src/registrations/delivery.ts';
import { testConfig } from '../helpers/configuration.ts';

const config = testConfig();
const read = (body: Buffer) =>
  readDelivery(
    { body, properties: '', trouble: null, receivedAt: 1, failedGeneration: null },
    config,
  );

test('the body travels as base64 of the very bytes', () => {
  fc.assert(
    fc.property(fc.json(), (more) => {
      const body = Buffer.from(`{"id": "ana-1",\n "more":${more}}`);
      const delivery = read(body);
      assert.ok(delivery.ok);
      assert.deepEqual(Buffer.from(delivery.item.message.body, 'base64'), body);
    }),
  );
});

test('headers that cannot be kept make a delivery malformed: one of ours may be among them', () => {
  const delivery = readDelivery(
    {
      body: Buffer.from('{"id":"ana-1"}'),
      properties: '',
      trouble: 'headers',
      receivedAt: 1,
      failedGeneration: null,
    },
    config,
  );
  assert.deepEqual(delivery, { ok: false, reason: 'headers that cannot be kept: headers' });
});
