/** The generated pages against the code. */
import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { test } from 'node:test';
import { readSettings } from '../src/config/reference.ts';

test('the pages of docs/reference and the schemas are as the code makes them', () => {
  const args = ['engines/reference.mjs', '--check'];
  const { status, stderr } = spawnSync(process.execPath, args, { encoding: 'utf8' });
  assert.equal(status, 0, stderr);
});

test('every setting has a meaning, a range and a default', () => {
  const settings = readSettings();
  assert.ok(settings.length > 100);
  for (const { path, expected, standard, says } of settings) {
    assert.ok(says.join(' ').length > 3, `${path} has no text in its example file`);
    assert.notEqual(expected, 'any value', path);
    assert.notEqual(standard, '', path);
  }
});
