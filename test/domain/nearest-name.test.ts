import assert from 'node:assert/strict';
import { test } from 'node:test';
import { didYouMean, nearestName, sameName } from '../../src/domain/nearest-name.ts';

const OPTIONS = ['concurrency', 'timeout', 'retry', 'maxAttempts', 'to'];

test('a name that differs in capitals and separators alone is the same name', () => {
  assert.equal(sameName('MAX_ATTEMPTS', OPTIONS), 'maxAttempts');
  assert.equal(nearestName('MAX_ATTEMPTS', OPTIONS), 'maxAttempts');
  assert.equal(sameName('maxAttemps', OPTIONS), undefined);
});

test('a name that is written a little differently is told from one that has nothing to do with it', () => {
  assert.equal(nearestName('concurency', OPTIONS), 'concurrency');
  assert.equal(nearestName('timeuot', OPTIONS), 'timeout');
  assert.equal(nearestName('retries', OPTIONS), undefined);
  assert.equal(nearestName('xo', OPTIONS), undefined);
  assert.equal(nearestName('topic', []), undefined);
});

test('of several that are alike, the one that is most alike is meant', () => {
  assert.equal(nearestName('max_retris', ['min_retries', 'max_retries']), 'max_retries');
  assert.equal(didYouMean('retry'), 'did you mean retry?');
  assert.equal(didYouMean(undefined), undefined);
});
