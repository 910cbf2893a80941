import assert from 'node:assert/strict';
import { test } from 'node:test';
import { isDead } from '../../../src/domain/run-life.ts';
import { takenUp } from '../../../src/domain/registrations/takeover.ts';

const entry = 'r-0~0#2';
const why = { reason: 'why' };

test('a run is dead when it is closed or not known, and not otherwise', () => {
  assert.deepEqual(
    (['running', 'closed', 'unknown'] as const).map((run) => isDead(run)),
    [false, true, true],
  );
});

for (const [reading, expected] of [
  [
    { kind: 'on the wire', since: 1, until: 2 },
    { kind: 'in-doubt', entry },
  ],
  [
    { kind: 'in doubt', ...why },
    { kind: 'in-doubt', entry },
  ],
  [
    { kind: 'not sent', ...why },
    { kind: 'claimed', entry },
  ],
  [
    { kind: 'refused', ...why },
    { kind: 'claimed', entry },
  ],
  [
    { kind: 'abandoned', ...why },
    { kind: 'claimed', entry },
  ],
  [
    { kind: 'gave way', to: 'r-0~0#3' },
    { kind: 'claimed', entry: 'r-0~0#3' },
  ],
  [
    { kind: 'accepted', requestId: 'AB583C-X', at: 5 },
    { kind: 'resumed', entry, requestId: 'AB583C-X', acceptedAt: 5 },
  ],
] as const) {
  test(`what the journal says is ${reading.kind} is taken up as ${expected.kind}, under ${expected.entry}`, () => {
    assert.deepEqual(takenUp(entry, reading, false), expected);
    assert.deepEqual(takenUp(entry, reading, true), expected);
  });
}

test('what the journal does not know is submitted under an entry of its own, and in doubt under an inherited one', () => {
  assert.deepEqual(takenUp(entry, null, false), { kind: 'claimed', entry });
  assert.deepEqual(takenUp(entry, null, true), { kind: 'in-doubt', entry });
});
