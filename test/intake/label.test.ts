import assert from 'node:assert/strict';
import { test } from 'node:test';
import { labelOf } from '../../src/intake/label.ts';
import { coalesceOf } from '../../src/domain/registrations/poll-plan.ts';
import { rulesOf } from '../../src/registrations/rules.ts';
import { testConfig } from '../helpers/configuration.ts';

const hashing = (registrationIdKey: string) =>
  testConfig({ registration: { hashIds: true }, registrationIdKey });

test('an id is its own label unless ids are personal', () => {
  assert.equal(labelOf('ana-1', testConfig()), 'ana-1');
});

test('a personal id is shown as a keyed hash that does not hold it', () => {
  const label = labelOf('123.456.789-09', hashing('a key of many characters'));
  assert.match(label, /^[0-9a-f]{24}$/);
  assert.equal(label, labelOf('123.456.789-09', hashing('a key of many characters')));
  assert.notEqual(label, labelOf('123.456.789-08', hashing('a key of many characters')));
  assert.notEqual(label, labelOf('123.456.789-09', hashing('another key of many characters')));
});

test('a run gets its rules from the configuration', () => {
  const rules = rulesOf(testConfig());
  assert.equal(rules.deadline, 3_600_000);
  assert.equal(rules.maxOpen, 7 * 24 * 3_600_000);
  assert.equal(rules.onUnknown, 'ask');
  assert.equal(rules.plan.offsets.length, 10);
  assert.ok(rules.plan.offsets.every((at) => at > 10_000 && at < 20_500));
  const other = rulesOf(
    testConfig({ legacy: { onUnknown: 'resubmit', maxGetsPerRegistration: 4 } }),
  );
  assert.deepEqual([other.onUnknown, other.plan.offsets.length], ['resubmit', 4]);
});

test('polls are never coalesced over more than a second, nor over half a step of the plan', () => {
  const slow = rulesOf(testConfig({ legacy: { expectedLatency: { min: 1_000, max: 3_600_000 } } }));
  assert.equal(coalesceOf(slow.plan), 1_000);
  const quick = rulesOf(testConfig({ legacy: { expectedLatency: { min: 1_000, max: 11_000 } } }));
  assert.equal(coalesceOf(quick.plan), 500);
});

test('what a run gets as its argument survives JSON', () => {
  const rules = rulesOf(testConfig());
  assert.deepEqual(JSON.parse(JSON.stringify(rules)), rules);
});
