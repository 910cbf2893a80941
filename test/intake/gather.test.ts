import assert from 'node:assert/strict';
import { setImmediate as turn } from 'node:timers/promises';
import { test } from 'node:test';
import type { TestContext } from 'node:test';
import { createGatherer } from '../../src/intake/gather.ts';
import type { GatherOptions } from '../../src/intake/gather.ts';

/** A gatherer of texts, whose hand-overs end when the test says so, in a time that the test moves. */
function gathererFor(t: TestContext, options: Partial<GatherOptions<string>> = {}) {
  t.mock.timers.enable({ apis: ['setTimeout', 'Date'] });
  const batches: string[][] = [];
  const endings: (() => void)[] = [];
  const gatherer = createGatherer<string>({
    size: 3,
    bytes: 1_000,
    waitMs: 20,
    partialPerSecond: 2,
    now: () => Date.now(),
    concurrency: 2,
    bytesOf: (text) => text.length,
    handOver: (batch) => {
      batches.push(batch);
      return new Promise((resolve) => endings.push(resolve));
    },
    ...options,
  });
  return {
    add: (...texts: string[]) => texts.forEach((text) => gatherer.add(text)),
    drain: () => gatherer.drain(),
    batches,
    later: (ms: number) => t.mock.timers.tick(ms),
    /** Ends the oldest hand-over that is under way. */
    finish: async () => {
      endings.shift()?.();
      await turn();
    },
  };
}

test('one alone goes after waitMs, and not before', (t) => {
  const { add, batches, later } = gathererFor(t);
  add('a');
  later(19);
  assert.deepEqual(batches, []);
  later(1);
  assert.deepEqual(batches, [['a']]);
});

test('what comes within waitMs of the first goes with it; the first waits no longer for that', (t) => {
  const { add, batches, later } = gathererFor(t);
  add('a');
  later(19);
  add('b');
  later(1);
  assert.deepEqual(batches, [['a', 'b']]);
});

test('a full batch goes at once, and what is over waits for its own time', (t) => {
  const { add, batches, later } = gathererFor(t);
  add('a', 'b', 'c', 'd');
  assert.deepEqual(batches, [['a', 'b', 'c']]);
  later(20);
  assert.deepEqual(batches, [['a', 'b', 'c'], ['d']]);
});

test('the byte limit fills a batch, too, and is not exceeded', (t) => {
  const { add, batches, later } = gathererFor(t, { size: 100, bytes: 10 });
  add('xxxxxx', 'yyyyyy', 'z');
  assert.deepEqual(batches, [['xxxxxx']]);
  later(20);
  assert.deepEqual(batches[1], ['yyyyyy', 'z']);
});

test('one that is larger than the byte limit goes alone', (t) => {
  const { add, batches } = gathererFor(t, { size: 100, bytes: 10 });
  add('x'.repeat(50));
  assert.deepEqual(batches, [['x'.repeat(50)]]);
});

test('while all hand-overs are busy the next batch goes on filling, however long', async (t) => {
  const { add, batches, later, finish } = gathererFor(t, { concurrency: 1 });
  add('a');
  later(20);
  add('b');
  later(500);
  add('c', 'd', 'e', 'f');
  assert.deepEqual(batches, [['a']]);
  await finish();
  assert.deepEqual(batches, [['a'], ['b', 'c', 'd']]);
});

test('no more hand-overs are under way than allowed, and none is forgotten', async (t) => {
  const { add, batches, finish } = gathererFor(t, { size: 1 });
  add('a', 'b', 'c', 'd');
  assert.deepEqual(batches, [['a'], ['b']]);
  await finish();
  assert.deepEqual(batches, [['a'], ['b'], ['c']]);
  await finish();
  assert.deepEqual(batches, [['a'], ['b'], ['c'], ['d']]);
});

test('a size of one gives each a batch of its own, in order', (t) => {
  const { add, batches } = gathererFor(t, { size: 1, concurrency: 100 });
  add('a', 'b', 'c');
  assert.deepEqual(batches, [['a'], ['b'], ['c']]);
});

test('drain hands over what is there without waiting, and ends when the last is taken over', async (t) => {
  const { add, drain, batches, finish } = gathererFor(t, { concurrency: 1 });
  add('a', 'b', 'c', 'd');
  let drained = false;
  const draining = drain().then(() => (drained = true));
  await turn();
  assert.deepEqual(batches, [['a', 'b', 'c']]);
  await finish();
  assert.deepEqual(batches, [['a', 'b', 'c'], ['d']]);
  assert.equal(drained, false);
  await finish();
  await draining;
});

test('drain of nothing ends at once', async (t) => {
  await gathererFor(t).drain();
});

test('after a quiet time the next one alone waits for company again', (t) => {
  const { add, batches, later } = gathererFor(t);
  add('a');
  later(20);
  later(1_000);
  add('b');
  assert.deepEqual(batches, [['a']]);
  later(20);
  assert.deepEqual(batches, [['a'], ['b']]);
});

test('under a steady stream partial batches go at their pace, and fill meanwhile', (t) => {
  const { add, batches, later } = gathererFor(t, { size: 100, concurrency: 1_000 });
  const seconds = 60;
  for (let at = 0; at < seconds * 1_000; at += 50) {
    add('a');
    for (let n = 0; n < 50; n++) later(1);
  }
  // The first eight of an idle system, and then two a second, each with what came in half a second.
  assert.ok(Math.abs(batches.length - 8 - 2 * seconds) < 5, `${batches.length} batches`);
  assert.deepEqual(batches[0], ['a']);
  assert.ok(batches.slice(-10).every(({ length }) => length === 10));
  later(1_000);
  assert.equal(batches.flat().length, seconds * 20, 'none is forgotten');
});

test('full batches go at once, however many partial ones went before', (t) => {
  const { add, batches, later } = gathererFor(t, { concurrency: 100 });
  for (let n = 0; n < 8; n++) {
    add('a');
    later(20);
  }
  add('x', 'y', 'z', 'x', 'y', 'z');
  assert.deepEqual(batches.slice(8), [
    ['x', 'y', 'z'],
    ['x', 'y', 'z'],
  ]);
});

test('drain does not wait for the pace', async (t) => {
  const { add, drain, batches, later, finish } = gathererFor(t, { concurrency: 100 });
  for (let n = 0; n < 8; n++) {
    add('a');
    later(20);
  }
  add('z');
  later(20);
  assert.equal(batches.length, 8);
  const draining = drain();
  assert.deepEqual(batches[8], ['z']);
  for (let n = 0; n < 9; n++) await finish();
  await draining;
});
