import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { committable, watermarkAt } from '../../../src/broker/kafka/watermark.ts';

test('what is committed is never beyond a message that is held, and reaches the end when none is', () => {
  fc.assert(
    fc.property(
      // Offsets have holes where a topic is compacted.
      fc.array(fc.integer({ min: 1, max: 3 }), { minLength: 1, maxLength: 40 }),
      fc.func(fc.nat()),
      (steps, order) => {
        const mark = watermarkAt(7n, -1n);
        let at = 6n;
        const offsets = steps.map((step) => (at += BigInt(step)));
        for (const offset of offsets) {
          mark.open.add(offset);
          mark.position = offset + 1n;
        }
        const held = new Set(offsets);
        for (const offset of offsets.toSorted((a, b) => order(a) - order(b))) {
          const before = committable(mark);
          mark.open.delete(offset);
          held.delete(offset);
          const now = committable(mark);
          assert.ok(now >= before);
          assert.ok([...held].every((each) => each >= now));
        }
        assert.equal(committable(mark), at + 1n);
      },
    ),
  );
});
