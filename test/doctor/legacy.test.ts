import assert from 'node:assert/strict';
import { test } from 'node:test';
import { diagnoseLegacy } from '../../src/doctor/legacy.ts';
import { described } from '../helpers/described.ts';
import { http, socketSystem } from '../helpers/socket-system.ts';

test('the doctor says where any JSON object would count as a result', async (t) => {
  const system = await socketSystem(t, () => http(404));
  const found = async (legacy: string) => {
    const all = await diagnoseLegacy(described(legacy, { LEGACY_URL: system.url }));
    return all.map(({ check, state }) => `${check}: ${state}`);
  };
  assert.deepEqual(await found('{}'), ['reachable: well']);
  assert.deepEqual(await found('{ preset: location-202 }'), ['reachable: well', 'result: warning']);
  const named = '{ preset: location-202, poll: { words: { processing: [processing, null] } } }';
  assert.deepEqual(await found(named), ['reachable: well']);
});
