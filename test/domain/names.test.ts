import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import {
  claimKey,
  claimOfEntry,
  claimOfFailure,
  conflictKey,
  entryKey,
  entryNumber,
  failureName,
  malformedKey,
  nextEntry,
  readClaimKey,
  workflowId,
} from '../../src/domain/names.ts';

const hex = fc.string({
  unit: fc.constantFrom(...'0123456789abcdef'),
  minLength: 64,
  maxLength: 64,
});
const generation = fc.nat({ max: 1_000 });
/** Ids made of the very characters that keys are made of, so that a collision would be found. */
const id = fc.oneof(
  fc.string({
    unit: fc.constantFrom('~', '#', '!', ':', '0', '1', 'a', 'é', '\n', 'malformed'),
    minLength: 1,
    maxLength: 24,
  }),
  fc.string({ minLength: 1 }),
  fc.tuple(fc.string(), hex).map(([text, hash]) => `${text}~0!${hash.slice(0, 16)}`),
);

test('claim keys are read back whatever the id contains', () => {
  fc.assert(
    fc.property(id, generation, (name, n) => {
      assert.deepEqual(readClaimKey(claimKey(name, n)), {
        id: name,
        generation: n,
        conflict: false,
      });
    }),
  );
});

test('conflict keys are read back whatever the id contains', () => {
  fc.assert(
    fc.property(id, generation, hex, (name, n, hash) => {
      assert.deepEqual(readClaimKey(conflictKey(name, n, hash)), {
        id: name,
        generation: n,
        conflict: true,
      });
    }),
  );
});

test('two claims, conflicts or malformed deliveries have the same key only if they are the same', () => {
  const key = fc.oneof(
    fc.record({ kind: fc.constant('claim' as const), id, generation, hash: fc.constant('') }),
    fc.record({ kind: fc.constant('conflict' as const), id, generation, hash: hex }),
    fc.record({
      kind: fc.constant('malformed' as const),
      id: fc.constant(''),
      generation: fc.constant(0),
      hash: hex,
    }),
  );
  const keyOf = (made: { kind: string; id: string; generation: number; hash: string }): string =>
    made.kind === 'claim'
      ? claimKey(made.id, made.generation)
      : made.kind === 'conflict'
        ? conflictKey(made.id, made.generation, made.hash)
        : malformedKey(made.hash);
  fc.assert(
    fc.property(key, key, (one, other) => {
      const same =
        JSON.stringify({ ...one, hash: one.hash.slice(0, 16) }) ===
        JSON.stringify({ ...other, hash: other.hash.slice(0, 16) });
      assert.equal(keyOf(one) === keyOf(other), same);
    }),
    { numRuns: 2_000 },
  );
});

test('what is no claim key is told as null', () => {
  for (const text of [
    '',
    'ana',
    'ana~',
    'ana~x',
    'ana~-1',
    'ana~0!short',
    'malformed!0123456789abcdef',
  ])
    assert.equal(readClaimKey(text), null, text);
});

test('journal entries give their claim and number back, and count up under the same claim', () => {
  fc.assert(
    fc.property(id, generation, fc.integer({ min: 1, max: 1_000 }), (name, n, number) => {
      const claim = claimKey(name, n);
      const entry = entryKey(claim, number);
      assert.equal(claimOfEntry(entry), claim);
      assert.equal(entryNumber(entry), number);
      assert.equal(nextEntry(entry), entryKey(claim, number + 1));
    }),
  );
});

test('the claim comes out of the messageId of a failure record, for its own class only', () => {
  fc.assert(
    fc.property(id, generation, (name, n) => {
      const claim = claimKey(name, n);
      const messageId = failureName(claim, 'timed-out');
      assert.equal(claimOfFailure(messageId, 'timed-out'), claim);
      assert.equal(claimOfFailure(messageId, 'failed'), null);
    }),
  );
});

test('a workflow id says what it carries', () => {
  assert.equal(workflowId('registrations', ['ana-1'], 'u'), 'registrations/ana-1/u');
  assert.equal(
    workflowId('registrations', ['ana-1', 'rui-2', 'eva-3'], 'u'),
    'registrations/ana-1+2/u',
  );
});

test('a workflow id stays under the 255 characters of SQL stores, and ends with what makes it unique', () => {
  const name = workflowId(
    'registrations',
    Array.from({ length: 500 }, () => 'x'.repeat(200)),
    '4f1c2d3e-aaaa',
  );
  assert.ok(name.length <= 255, String(name.length));
  assert.ok(name.endsWith('/4f1c2d3e-aaaa'));
});
