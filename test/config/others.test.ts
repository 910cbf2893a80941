/** What code of others sees of the environment. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { ENVIRONMENT_ONLY } from '../../src/config/environment.ts';
import { loadConfig } from '../../src/config/load.ts';
import { withoutOurs } from '../../src/config/others.ts';

const theirs = { PATH: '/bin', HTTPS_PROXY: 'http://proxy:3128', SMTP_HOST: 'mail', NODE_ENV: '' };

test('handlers see no address, secret or setting of ours, and everything else', () => {
  const ours = Object.fromEntries(Object.keys(ENVIRONMENT_ONLY).map((name) => [name, 'secret']));
  const env = { ...ours, ...theirs, DESPACHANTE_WHATEVER: '1', LEGACY_API_KEY: 'secret' };
  const legacy = { headers: { 'X-Key': { env: 'LEGACY_API_KEY' } }, query: { 'X-Key': 'open' } };
  assert.deepEqual(withoutOurs(env, legacy), theirs);
});

test('the configuration hands on the environment of others', () => {
  const { forOthers } = loadConfig({ env: { ...theirs, MONGODB_URI: 'mongodb://u:p@host/d' } });
  assert.deepEqual(forOthers, theirs);
});
