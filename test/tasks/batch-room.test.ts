import assert from 'node:assert/strict';
import { test } from 'node:test';
import { rabbitFor } from '../../src/tasks/rules.ts';
import { testConfig } from '../helpers/configuration.ts';

test('a queue holds more messages than a batch of its worker has, whatever the size of runs', () => {
  const from = { broker: 'rabbitmq', name: 'events' } as const;
  const held = (batchSize: number, size: number | null) =>
    rabbitFor(testConfig({ intake: { batchSize } }), {
      ...{ from, deadLetters: null, queue: null },
      batch: size === null ? null : { size, waitMs: 1 },
    }).rabbit.prefetch;
  assert.equal(held(10, null), 100);
  assert.equal(held(10, 200), 800);
  assert.equal(held(10, 1_000), 2_000);
});
