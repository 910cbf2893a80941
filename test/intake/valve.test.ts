import assert from 'node:assert/strict';
import { setImmediate as turn } from 'node:timers/promises';
import { test } from 'node:test';
import fc from 'fast-check';
import { silent } from '../../src/runtime/log.ts';
import { createMetrics } from '../../src/runtime/metrics.ts';
import { HOLDS, createValve } from '../../src/intake/valve.ts';

/** A consumer whose pause and resume take a while, and that must not meet one another. */
function consumer() {
  let isBusy = false;
  const it = {
    isOpen: false,
    async pause() {
      await change(false);
    },
    async resume() {
      await change(true);
    },
  };
  async function change(to: boolean): Promise<void> {
    assert.ok(!isBusy, 'two at once');
    isBusy = true;
    await turn();
    it.isOpen = to;
    isBusy = false;
  }
  return it;
}

test('it is open when nobody holds it, whoever lets go first', async () => {
  const valve = createValve(createMetrics(), silent, 'tests');
  const tap = consumer();
  valve.hold('unknown', 'not read yet');
  await valve.attach(tap);
  assert.ok(!tap.isOpen);
  valve.hold('paused', 'by ana');
  valve.hold('breaker', 'HTTP 503');
  valve.letGo('unknown');
  valve.letGo('breaker');
  await valve.attach(tap);
  assert.ok(!tap.isOpen);
  assert.deepEqual(valve.closedBy(), { paused: 'by ana' });
  valve.letGo('paused');
  await valve.attach(tap);
  assert.ok(tap.isOpen);
});

test('of a source that is taken from no more nothing is told, whoever holds it or lets go', async () => {
  const metrics = createMetrics();
  const valve = createValve(metrics, silent, 'tests');
  valve.hold('breaker', 'HTTP 503');
  assert.ok((await metrics.intakeClosed.get()).values.some(({ value }) => value === 1));
  valve.forget();
  valve.letGo('breaker');
  valve.hold('paused', 'by ana');
  assert.deepEqual((await metrics.intakeClosed.get()).values, []);
});

test('after any holding and letting go it is open just when nobody holds it', async () => {
  const step = fc.record({ by: fc.constantFrom(...HOLDS), holds: fc.boolean() });
  await fc.assert(
    fc.asyncProperty(fc.array(step), async (steps) => {
      const valve = createValve(createMetrics(), silent, 'tests');
      const tap = consumer();
      await valve.attach(tap);
      const held = new Set<string>();
      for (const { by, holds } of steps) {
        if (holds) valve.hold(by, 'why');
        else valve.letGo(by);
        if (holds) held.add(by);
        else held.delete(by);
      }
      await valve.attach(tap);
      assert.equal(tap.isOpen, held.size === 0);
      assert.deepEqual(Object.keys(valve.closedBy()).sort(), [...held].sort());
    }),
  );
});
