import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { TestContext } from 'node:test';
import { complaint, createGuard } from '../../src/runtime/guard.ts';
import type { Vitals } from '../../src/runtime/guard.ts';
import { createMetrics } from '../../src/runtime/metrics.ts';
import { atEnd } from '../helpers/servers.ts';

const MIB = 2 ** 20;
const WELL: Vitals = { loopDelayMs: 20, rss: 100 * MIB, heap: 50 * MIB, heapLimit: 4_000 * MIB };

function guardOf(t: TestContext) {
  t.mock.timers.enable({ apis: ['setInterval'] });
  let vitals = WELL;
  const lines: string[] = [];
  const tell = (facts: object, sentence: string) =>
    void lines.push(`${sentence} ${JSON.stringify(facts)}`);
  const guard = createGuard(
    { maxMemory: 200 * MIB, maxLoopDelay: 1_000 },
    createMetrics(),
    { debug: tell, info: tell, warn: tell, error: tell },
    { look: { vitals: () => vitals, close() {} } },
  );
  atEnd(t, () => guard.close());
  const changes: (string | null)[] = [];
  guard.onChange((suffers) => void changes.push(suffers));
  return {
    guard,
    lines,
    changes,
    live: (seconds: number, now: Partial<Vitals> = {}): void => {
      vitals = { ...WELL, ...now };
      for (let n = 0; n < seconds; n++) t.mock.timers.tick(1_000);
    },
  };
}

test('it tells once that it suffers, and once that it is well again', (t) => {
  const { guard, lines, changes, live } = guardOf(t);
  live(10);
  assert.equal(guard.suffers(), null);
  live(10, { rss: 250 * MIB });
  assert.equal(guard.suffers(), 'memory: 250 MiB of 200 MiB');
  live(10);
  assert.equal(guard.suffers(), null);
  assert.deepEqual(changes, ['memory: 250 MiB of 200 MiB', null]);
  assert.equal(lines.length, 2);
});

test('a single pause is no alarm, and what is hardly below the limit is not well yet', (t) => {
  const { guard, changes, live } = guardOf(t);
  live(1, { loopDelayMs: 3_000 });
  live(1);
  live(1, { loopDelayMs: 3_000 });
  assert.equal(guard.suffers(), null);
  live(1, { loopDelayMs: 3_000 });
  assert.match(guard.suffers() ?? '', /event loop: 3000 ms late, limit 1000 ms/);
  live(20, { loopDelayMs: 950 });
  assert.notEqual(guard.suffers(), null);
  live(3, { loopDelayMs: 100 });
  assert.equal(guard.suffers(), null);
  assert.equal(changes.length, 2);
});

test('a heap that is nearly full counts, however much memory there is', () => {
  const full = { ...WELL, heap: 3_900 * MIB };
  assert.match(complaint(full, 64_000 * MIB, 1_000, 1) ?? '', /heap: 3900 MiB of 4000 MiB/);
});
