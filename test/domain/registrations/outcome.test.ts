import assert from 'node:assert/strict';
import { test } from 'node:test';
import {
  OUR_REASON,
  OUTCOMES,
  isFailure,
  mayBeFiledByRecord,
} from '../../../src/domain/registrations/outcome.ts';

test('every outcome but "registered" is a failure', () => {
  assert.deepEqual(
    OUTCOMES.filter((kind) => !isFailure(kind)),
    ['registered'],
  );
});

test('the words of the outcomes are the published ones, each once', () => {
  assert.deepEqual(
    [...OUTCOMES],
    [
      'registered',
      'rejected',
      'failed',
      'timed-out',
      'conflict',
      'malformed',
      'in-doubt',
      'cancelled',
    ],
  );
});

const ACCEPTED = { requestId: 'REQ-1', attempts: 1 };
const UNANSWERED = { requestId: null, attempts: 2 };
const UNSENT = { requestId: null, attempts: 0 };

for (const [failureClass, told, may] of [
  ['in-doubt', UNANSWERED, true],
  ['timed-out', ACCEPTED, true],
  ['cancelled', ACCEPTED, true],
  ['cancelled', UNANSWERED, true],
  ['cancelled', UNSENT, false],
  ['cancelled', { ...UNSENT, attempts: null }, true],
  ['failed', ACCEPTED, false],
  ['failed', { ...ACCEPTED, reason: OUR_REASON.noDocument }, true],
  ['failed', UNANSWERED, true],
  ['rejected', UNANSWERED, false],
  ['conflict', UNSENT, false],
  ['somebody else’s', ACCEPTED, false],
] as const)
  test(`by its record alone, ${failureClass} ${JSON.stringify(told)} ${may ? 'may' : 'cannot'} be filed`, () => {
    assert.equal(mayBeFiledByRecord({ reason: 'why', ...told, failureClass }), may);
  });
