import assert from 'node:assert/strict';
import { test } from 'node:test';
import { createClock } from '../../src/mongo/clock.ts';

test("until the server's time is known our own counts, and after that ours may be set without being noticed", (t) => {
  t.mock.timers.enable({ apis: ['Date'], now: 5_000 });
  const clock = createClock();
  assert.equal(clock.now(), 5_000);
  clock.set(1_000_000);
  t.mock.timers.setTime(3_600_000);
  const now = clock.now();
  assert.ok(now >= 1_000_000 && now < 1_060_000, String(now));
});
