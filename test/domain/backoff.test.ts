import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { restBefore } from '../../src/domain/backoff.ts';
import type { Backoff } from '../../src/domain/backoff.ts';

const rests = (backoff: Backoff) => [1, 2, 3, 4, 5].map((attempt) => restBefore(backoff, attempt));

test('fixed, linear and exponential rests, as they are promised', () => {
  assert.deepEqual(rests({ kind: 'fixed', initial: 60_000 }), [6e4, 6e4, 6e4, 6e4, 6e4]);
  assert.deepEqual(rests({ kind: 'linear', initial: 1_000 }), [1e3, 2e3, 3e3, 4e3, 5e3]);
  assert.deepEqual(rests({ kind: 'exponential', initial: 1_000 }), [1e3, 2e3, 4e3, 8e3, 16e3]);
  const capped = { kind: 'exponential', initial: 1_000, longest: 5_000 } as const;
  assert.deepEqual(rests(capped), [1e3, 2e3, 4e3, 5e3, 5e3]);
});

test('jitter takes at most its share away, and no attempt is too late for a rest', () => {
  fc.assert(
    fc.property(
      fc.constantFrom('fixed', 'linear', 'exponential'),
      fc.integer({ min: 0, max: 86_400_000 }),
      fc.integer({ min: 1, max: 1_000_000 }),
      fc.double({ min: 0, max: 1, noNaN: true }),
      fc.double({ min: 0, max: 1, noNaN: true }),
      (kind, initial, attempt, jitter, draw) => {
        const longest = 7 * 86_400_000;
        const whole = restBefore({ kind, initial, longest }, attempt);
        const rest = restBefore({ kind, initial, longest, jitter }, attempt, draw);
        assert.ok(whole <= longest && whole >= Math.min(initial, longest));
        assert.ok(rest <= whole && rest >= Math.floor(whole * (1 - jitter)));
        assert.ok(restBefore({ kind, initial, longest }, attempt + 1) >= whole);
      },
    ),
  );
});
