import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { shareOf } from '../../src/domain/shares.ts';

const others = (shares: Record<string, number>) => new Map(Object.entries(shares));

test('alone it has all; with others an equal part, and what does not divide goes to the first', () => {
  assert.equal(shareOf('a', others({}), 256), 256);
  assert.equal(shareOf('a', others({ b: 1, c: 1 }), 8), 3);
  assert.equal(shareOf('b', others({ a: 1, c: 1 }), 8), 3);
  assert.equal(shareOf('c', others({ a: 1, b: 1 }), 8), 2);
});

test('whoever comes has no more than the others have left, and at least one', () => {
  assert.equal(shareOf('b', others({ a: 256 }), 256), 1);
  assert.equal(shareOf('b', others({ a: 200 }), 256), 56);
});

test('in whatever order they come, beat and go, they stay within the limit, and end with equal parts', () => {
  const step = fc.record({
    worker: fc.constantFrom('a', 'b', 'c', 'd', 'e'),
    does: fc.constantFrom('beat', 'beat', 'beat', 'leave'),
  });
  fc.assert(
    fc.property(fc.integer({ min: 5, max: 300 }), fc.array(step), (total, steps) => {
      const all = new Map<string, number>();
      const beat = (id: string): void => {
        const rest = new Map([...all].filter(([other]) => other !== id));
        all.set(id, shareOf(id, rest, total));
      };
      const sum = () => [...all.values()].reduce((n, share) => n + share, 0);
      for (const { worker, does } of steps) {
        const before = Math.max(sum(), total);
        if (does === 'leave') all.delete(worker);
        else beat(worker);
        // One that comes while the others have everything has one all the same.
        assert.ok(sum() <= before + 1, `${sum()} of ${total}`);
      }
      for (let round = 1; round <= 3; round++) [...all.keys()].sort().forEach(beat);
      if (all.size === 0) return;
      const shares = [...all.values()];
      assert.equal(sum(), total);
      assert.ok(Math.max(...shares) - Math.min(...shares) <= 1, String(shares));
    }),
  );
});
