import assert from 'node:assert/strict';
import { test } from 'node:test';
import { DEFAULTS } from '../../src/config/schema.ts';
import { createOwnBreaker } from '../../src/outbound/own-breaker.ts';
import { silent, type Log } from '../../src/runtime/log.ts';
import { createMetrics } from '../../src/runtime/metrics.ts';

function breakerOf(rest: number, log: Log = silent) {
  const breaker = { ...DEFAULTS.legacy.breaker, rest };
  const endpoint = { name: 'broker', address: 'broker', timeoutMs: 1_000, breaker };
  return createOwnBreaker(endpoint, createMetrics(), log);
}

function trip(breaker: ReturnType<typeof breakerOf>): void {
  for (let n = 0; n < 20; n += 1) breaker.observe('trouble', 'away');
}

test('it opens after twenty failures, and says why, and nothing is told before', () => {
  const lines: string[] = [];
  const breaker = breakerOf(60_000, { ...silent, info: (_facts, line) => void lines.push(line) });
  assert.equal(breaker.wait(), null);
  trip(breaker);
  assert.match(breaker.wait()?.reason ?? '', /^circuit breaker open: away/);
  assert.deepEqual(lines, []);
});

test('while it rests nobody may ask, and afterwards one may, whose answer closes it', async () => {
  const resting = breakerOf(60_000);
  trip(resting);
  assert.equal(await resting.takeProbe(), false);
  const breaker = breakerOf(0);
  trip(breaker);
  // What it has told itself is known after a turn.
  await new Promise(setImmediate);
  assert.deepEqual([await breaker.takeProbe(), await breaker.takeProbe()], [true, false]);
  breaker.observe('well', '');
  await new Promise(setImmediate);
  assert.equal(breaker.wait(), null);
});

test('a probe that fails opens it again', async () => {
  const breaker = breakerOf(0);
  trip(breaker);
  await new Promise(setImmediate);
  assert.equal(await breaker.takeProbe(), true);
  breaker.observe('trouble', 'still away');
  await new Promise(setImmediate);
  assert.match(breaker.wait()?.reason ?? '', /open: still away/);
});
