import assert from 'node:assert/strict';
import { test } from 'node:test';
import { clearIn } from '../../src/domain/backlog.ts';
import { limitsInForce } from '../../src/domain/limits.ts';

test('what waits and what is in flight is clear when both are done, at the rate of now', () => {
  assert.equal(clearIn({ waiting: 900, inFlight: 100, perSecond: 50 }), 20);
  assert.equal(clearIn({ waiting: 0, inFlight: 0, perSecond: 0 }), 0);
  assert.equal(clearIn({ waiting: 1, inFlight: 0, perSecond: 0 }), null);
});

test('what was set while running is stronger than the configuration, also when it says "none"', () => {
  const configured = {
    maxConcurrent: 256,
    maxSubmitsPerSecond: 100,
    maxGetsPerSecond: null,
    maxInFlight: 5_000,
  };
  assert.deepEqual(limitsInForce(configured, {}), configured);
  assert.deepEqual(
    limitsInForce(configured, { maxSubmitsPerSecond: null, maxGetsPerSecond: 9, maxConcurrent: 4 }),
    { maxConcurrent: 4, maxSubmitsPerSecond: null, maxGetsPerSecond: 9, maxInFlight: 5_000 },
  );
});
