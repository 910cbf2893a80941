import assert from 'node:assert/strict';
import { test } from 'node:test';
import { foldedReason } from '../../src/domain/failure-group.ts';

const folded = (reason: string, ...names: string[]) => foldedReason(reason, names);

test('numbers, ids, dates and addresses are folded, words are not', () => {
  assert.equal(folded('CPF 123.456.789-00 inválido'), 'CPF # inválido');
  assert.equal(folded('request AB583C-X of 2025-03-09T14:07:31Z'), 'request # of #');
  assert.equal(folded('connect ECONNREFUSED 127.0.0.1:8080'), 'connect ECONNREFUSED #');
  assert.equal(folded('rows 1, 2, 3 and 4'), 'rows # and #');
  assert.equal(folded('nome ausente'), 'nome ausente');
  assert.equal(folded('  two\n words '), 'two words');
});

test('the status of an answer is a kind of failure, and stays', () => {
  assert.equal(folded('HTTP 503 after 12 tries'), 'HTTP 503 after # tries');
  assert.notEqual(folded('HTTP 503'), folded('HTTP 500'));
});

test('the ids of the one that failed are folded though they look like words; short ones stand for too much', () => {
  assert.equal(folded('"maria" is taken by XYZ', 'maria', 'XYZ'), '"#" is taken by #');
  assert.equal(folded('a name', 'a'), 'a name');
});

test('a reason of any length is cut, and folded quickly', () => {
  const began = performance.now();
  assert.ok(folded('x'.repeat(5_000_000)).length <= 160);
  assert.ok(folded('1.'.repeat(1_000_000)).length <= 160);
  assert.ok(performance.now() - began < 1_000);
});
