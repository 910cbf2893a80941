import assert from 'node:assert/strict';
import { test } from 'node:test';
import { OUTCOMES, isFailure } from '../../../src/domain/registrations/outcome.ts';

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
