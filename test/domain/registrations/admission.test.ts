import assert from 'node:assert/strict';
import { test } from 'node:test';
import { admit, isDuplicate, keysOfRedriven } from '../../../src/domain/registrations/admission.ts';
import type { Delivered, Ended, Known } from '../../../src/domain/registrations/admission.ts';

const ACCEPTED = { requestId: 'REQ-1', acceptedAt: new Date(5) };

const ended = (kind: Ended['kind'], more: Partial<Ended> = {}): Ended => ({
  kind,
  doubt: false,
  requestId: null,
  acceptedAt: null,
  entry: 'ana-1~2#4',
  ...more,
});

/** Generation 2 of `ana-1`, with the bytes "a". */
const claimOf = (outcome: Ended | null, more: Partial<Known> = {}): Known => ({
  generation: 2,
  conflict: false,
  bodyHash: 'a',
  token: 'token',
  outcome,
  ...more,
});

/** The record of that generation, delivered again. */
const record = (more: Partial<Delivered> = {}): Delivered => ({
  ...{ id: 'ana-1', bodyHash: 'a', failedGeneration: 2, token: 'token' },
  ...more,
});

const anew = { kind: 'claimed', entry: 'ana-1~3#1' };
const polled = { kind: 'resumed', entry: 'ana-1~2#4', requestId: 'REQ-1', acceptedAt: 5 };
const doubted = { kind: 'in-doubt', entry: 'ana-1~2#4' };

for (const [what, outcome, begin] of [
  ['was rejected', ended('rejected'), anew],
  ['failed in the legacy system', ended('failed', ACCEPTED), anew],
  ['failed for a reason of ours, accepted', ended('failed', { ...ACCEPTED, ours: true }), polled],
  ['failed for a reason of ours, never accepted', ended('failed', { ours: true }), anew],
  ['timed out', ended('timed-out', ACCEPTED), polled],
  ['was cancelled and accepted', ended('cancelled', ACCEPTED), polled],
  ['was cancelled and never accepted', ended('cancelled'), anew],
  ['was cancelled in doubt', ended('cancelled', { doubt: true }), doubted],
  ['was abandoned in doubt', ended('in-doubt', { doubt: true }), doubted],
  ['lost when it was accepted', ended('timed-out', { requestId: 'REQ-1' }), doubted],
] as const) {
  test(`the redrive of what ${what} claims the next generation, and begins as "${begin.kind}"`, () => {
    const before = claimOf(outcome);
    assert.deepEqual(admit(record(), [before]), { kind: 'claim', generation: 3, begin, before });
  });

  test(`other bytes than those of what ${what} ${begin === anew ? 'go on with it, since nobody has filed it' : 'are barred: the filing is not theirs'}`, () => {
    const admission = admit(record({ bodyHash: 'b' }), [claimOf(outcome)]);
    assert.deepEqual(
      [admission.kind, admission.generation],
      begin === anew ? ['claim', 3] : ['barred', 2],
    );
  });
}

const first = {
  kind: 'claim',
  generation: 0,
  begin: { kind: 'claimed', entry: 'ana-1~0#1' },
  before: null,
};

for (const [what, delivery, claims] of [
  ['an ordinary delivery', record({ failedGeneration: null, token: undefined }), []],
  ['a record without a token', record({ token: undefined }), [claimOf(ended('rejected'))]],
  ['a record with another token', record({ token: 'tokem' }), [claimOf(ended('rejected'))]],
  ['a record with a part of the token', record({ token: 'tok' }), [claimOf(ended('rejected'))]],
  [
    'a record with the token of another generation',
    record({ failedGeneration: 1 }),
    [claimOf(ended('rejected'))],
  ],
  ['a record of what nobody knows', record(), []],
  ['an empty token', record({ token: '' }), [claimOf(ended('rejected'), { token: '' })]],
] as const) {
  test(`${what} is no redrive: it wants the first generation`, () => {
    assert.deepEqual(admit(delivery, claims), first);
  });
}

test('a claim whose token somebody has taken out makes no redrive, and stops nobody', () => {
  const claim = claimOf(ended('rejected'));
  Reflect.deleteProperty(claim, 'token');
  assert.deepEqual(admit(record(), [claim]), first);
});

test('the record of a conflict meets again what it met, while that has not failed or may be filed', () => {
  const conflict = claimOf(ended('conflict'), { conflict: true, bodyHash: 'b', token: 'other' });
  const redriven = record({ bodyHash: 'b', token: 'other' });
  for (const met of [null, ended('registered'), ended('timed-out', ACCEPTED)]) {
    const admission = admit(redriven, [claimOf(met), conflict]);
    assert.deepEqual(admission, { kind: 'barred', generation: 2 });
  }
  const admission = admit(redriven, [claimOf(ended('rejected')), conflict]);
  assert.deepEqual([admission.kind, admission.generation], ['claim', 3]);
});

test('a redrive names the claim of its generation, and that of its bytes as a conflict there', () => {
  assert.deepEqual(keysOfRedriven(record()), ['ana-1~2', 'ana-1~2!a']);
});

test('an ordinary delivery is a duplicate of any claim with its bytes; a redrive only of one it did not come from', () => {
  const failed = claimOf(ended('rejected'));
  const next = claimOf(null, { generation: 3 });
  const ordinary = record({ token: undefined });
  assert.equal(isDuplicate(ordinary, admit(ordinary, [failed]), [failed]), true);
  assert.equal(isDuplicate(record(), admit(record(), [failed]), [failed]), false);
  assert.equal(isDuplicate(record(), admit(record(), [failed]), [failed, next]), true);
  const other = record({ bodyHash: 'b', token: undefined });
  assert.equal(isDuplicate(other, admit(other, [failed]), [failed]), false);
});
