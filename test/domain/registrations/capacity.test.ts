import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { capacityFor } from '../../../src/domain/registrations/capacity.ts';

const means = { plannedPolls: 9, requestMs: 50, maxConcurrent: 100, batchSize: 250 };
const costs = {
  workerCpuMs: 2,
  intakeCpuMs: 0.25,
  serversCpuMs: 1,
  workerBaseMb: 200,
  workerKbInFlight: 10,
};
const steady = { p50: 10_000, p99: 10_000 };

test('what is in flight is the rate times the mean latency, and each poll sees its share', () => {
  const capacity = capacityFor({ rate: 100, latency: steady, backlog: 0 }, means, costs);
  assert.equal(capacity.inFlight, 1_000);
  assert.equal(capacity.getsPerRegistration, 5);
  assert.equal(capacity.getsPerSecond, 500);
  assert.equal(capacity.onTheWire, 30);
  assert.deepEqual(capacity.cores, { workers: 0.2, intakes: 0.025, servers: 0.1 });
  assert.deepEqual([capacity.workers, capacity.intakes], [1, 1]);
  assert.equal(capacity.workerMemoryMb, 200 + 10_000 / 1024);
});

test('a skewed latency has a mean above its median', () => {
  const latency = { p50: 10_000, p99: 60_000 };
  const { meanLatencyMs } = capacityFor({ rate: 1, latency, backlog: 0 }, means, costs);
  assert.ok(meanLatencyMs > 13_000 && meanLatencyMs < 14_000, String(meanLatencyMs));
});

test('a backlog is cleared by what is left of the ceiling, and never where nothing is left', () => {
  const demand = { rate: 100, latency: steady, backlog: 10_000 };
  const { ceiling, backlogSeconds } = capacityFor(demand, means, costs);
  assert.equal(ceiling, 1_000 / 3); // the wire: 100 at once, 6 requests of 50 ms each
  assert.equal(backlogSeconds, 10_000 / (1_000 / 3 - 100));
});

test('the processes and the width of the wire that are planned can always take the rate, and more of it never needs fewer', () => {
  fc.assert(
    fc.property(fc.double({ min: 0.1, max: 5_000, noNaN: true }), (rate) => {
      const one = capacityFor({ rate, latency: steady, backlog: 1 }, means, costs);
      const two = capacityFor({ rate: rate * 2, latency: steady, backlog: 1 }, means, costs);
      const wide = { ...means, maxConcurrent: one.maxConcurrentNeeded };
      const { ceiling } = capacityFor({ rate, latency: steady, backlog: 1 }, wide, costs);
      assert.ok(ceiling > rate, `${ceiling} for ${rate}`);
      assert.ok(two.workers >= one.workers && two.intakes >= one.intakes);
    }),
  );
});

test('more workers do not widen the wire, which is one limit for all of them', () => {
  const demand = { rate: 1_000, latency: steady, backlog: 1 };
  const capacity = capacityFor(demand, means, costs);
  assert.equal(capacity.workers, 4);
  assert.equal(capacity.onTheWire, 300);
  assert.equal(capacity.maxConcurrentNeeded, 500);
  assert.equal(capacity.ceiling, 1_000 / 3);
  assert.equal(capacity.backlogSeconds, null);
});

test('what is no demand is refused', () => {
  const ask = (rate: number, p50: number, p99: number) => () =>
    capacityFor({ rate, latency: { p50, p99 }, backlog: 0 }, means, costs);
  assert.throws(ask(0, 1, 1), RangeError);
  assert.throws(ask(1, 0, 1), RangeError);
  assert.throws(ask(1, 2, 1), RangeError);
});
