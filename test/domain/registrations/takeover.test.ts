import assert from 'node:assert/strict';
import { test } from 'node:test';
import { afterClaim } from '../../../src/domain/registrations/after-answer.ts';
import { isDead, takenUp } from '../../../src/domain/registrations/takeover.ts';
import type {
  Conclusion,
  Granted,
  Submission,
} from '../../../src/domain/registrations/takeover.ts';
import { T0, itemOf, rules } from '../../helpers/items.ts';

const NOW = T0 + 5_000;
const at = { index: 0, claim: 'r-0~0' } as const;
const claimed: Granted = { ...at, kind: 'claimed', entry: 'r-0~0#1' };
const sent = (state: Submission['state'], requestId: string | null = null): Submission => ({
  entry: 'r-0~0#2',
  state,
  requestId,
  acceptedAt: T0,
});

test('a run is dead when it is closed or not known, and not otherwise', () => {
  assert.deepEqual(
    (['running', 'closed', 'unknown'] as const).map((run) => isDead(run)),
    [false, true, true],
  );
});

for (const [state, expected] of [
  ['intent', { ...at, kind: 'in-doubt', entry: 'r-0~0#2' }],
  ['unknown', { ...at, kind: 'in-doubt', entry: 'r-0~0#2' }],
  ['not-accepted', { ...at, kind: 'claimed', entry: 'r-0~0#2' }],
  ['refused', { ...at, kind: 'claimed', entry: 'r-0~0#2' }],
  ['abandoned', { ...at, kind: 'claimed', entry: 'r-0~0#2' }],
  ['superseded', { ...at, kind: 'claimed', entry: 'r-0~0#3' }],
] as const) {
  test(`what the journal has as "${state}" is taken up as ${expected.kind}, under ${expected.entry}`, () => {
    assert.deepEqual(takenUp(claimed, sent(state), null), expected);
  });
}

test('what was accepted resumes polling under its request id, from when it was accepted', () => {
  assert.deepEqual(takenUp(claimed, sent('accepted', 'AB583C-X'), null), {
    ...at,
    kind: 'resumed',
    entry: 'r-0~0#2',
    requestId: 'AB583C-X',
    acceptedAt: T0,
  });
});

test('what was accepted under an id that nobody knows is in doubt, and never submitted', () => {
  assert.equal(takenUp(claimed, sent('accepted'), null).kind, 'in-doubt');
});

test('what the journal does not know goes on as it was first answered', () => {
  const doubt: Granted = { ...at, kind: 'in-doubt', entry: 'r-0~0#1' };
  assert.deepEqual(takenUp(claimed, null, null), claimed);
  assert.deepEqual(takenUp(doubt, null, null), doubt);
});

test('a redrive that only asks on goes on asking', () => {
  const resumed: Granted = {
    ...at,
    kind: 'resumed',
    entry: 'r-0~0#1',
    requestId: 'REQ-1',
    acceptedAt: 1,
  };
  assert.deepEqual(takenUp(resumed, sent('accepted', 'REQ-1'), null), resumed);
});

const conclusion: Conclusion = {
  outcome: { kind: 'timed-out', at: T0 + 1, reason: 'still processing at the deadline' },
  entry: 'r-0~0#1',
  requestId: 'AB583C-X',
  acceptedAt: T0,
  polls: 4,
  doubt: false,
};

test('what was concluded keeps its conclusion, whatever the journal says, and is only settled', () => {
  const answer = takenUp(claimed, sent('accepted', 'AB583C-X'), conclusion);
  assert.deepEqual(answer, { ...at, kind: 'concluded', ...conclusion });
  const item = afterClaim(itemOf({ busy: true }), answer, rules, NOW);
  assert.ok(item?.phase === 'settle');
  assert.equal(item.busy, false);
  assert.equal(item.dueAt, NOW);
  assert.deepEqual(item.outcome, conclusion.outcome);
  assert.equal(item.requestId, 'AB583C-X');
  assert.equal(item.polls, 4);
});
