import assert from 'node:assert/strict';
import { test } from 'node:test';
import { createRollingCounter } from '../../src/outbound/rolling-counter.ts';

test('what is older than the window is forgotten, a tenth of it at a time', () => {
  let now = 5;
  const counter = createRollingCounter(1_000, () => now);
  assert.deepEqual(counter.add(true), { all: 1, bad: 1 });
  now = 150;
  assert.deepEqual(counter.add(false), { all: 2, bad: 1 });
  now = 999;
  assert.deepEqual(counter.add(true), { all: 3, bad: 2 });
  now = 1_000;
  assert.deepEqual(counter.add(false), { all: 3, bad: 1 });
  now = 1_140;
  assert.deepEqual(counter.add(false), { all: 3, bad: 1 });
});

test('after a quiet time nothing is left', () => {
  let now = 0;
  const counter = createRollingCounter(1_000, () => now);
  for (let n = 0; n < 20; n++) counter.add(true);
  now = 60_000;
  assert.deepEqual(counter.add(false), { all: 1, bad: 0 });
});
