import assert from 'node:assert/strict';
import { join } from 'node:path';
import { test } from 'node:test';
import { startChild } from '../../src/child.ts';
import { createKeyFile } from '../../src/encryption-keys.ts';
import { atEnd } from '../helpers/servers.ts';
import { emptyFolder, run } from './cli.ts';

test('without a key there is nothing to decrypt with, and a page that is no address is refused', async (t) => {
  const cwd = emptyFolder(t);
  const none = await run(['codec', '--port', '0'], { cwd, env: { ENCRYPTION_KEYS: '' } });
  assert.equal(none.code, 2);
  assert.match(none.stderr, /no key to decrypt with: neither ENCRYPTION_KEYS nor data\//);
  createKeyFile(join(cwd, 'data', 'encryption.key'));
  const page = await run(['codec', '--port', '0', '--origin', 'temporal.example'], { cwd });
  assert.equal(page.code, 2);
  assert.match(page.stderr, /"temporal\.example" is no address/);
});

test('it serves the page of Temporal Web and those that are named, with the token of the environment', async (t) => {
  const cwd = emptyFolder(t);
  const keyFile = join(cwd, 'keys');
  createKeyFile(keyFile);
  const child = await startChild({
    args: ['codec', '--port', '0', '--origin', 'https://temporal.example/home'],
    env: {
      DESPACHANTE_ENCRYPTION_KEY_FILE: keyFile,
      TEMPORAL_WEB_URL: 'http://web.example:8233',
      CODEC_TOKEN: 'a token of the tests',
    },
    logFile: join(cwd, 'codec.log'),
  });
  atEnd(t, () => child.stop());
  const ask = async (origin: string, authorization: string) => {
    const { status } = await fetch(`${child.facts.url}/decode`, {
      method: 'POST',
      headers: { origin, authorization },
      body: '{"payloads": []}',
    });
    return status;
  };
  const token = 'Bearer a token of the tests';
  assert.equal(await ask('http://web.example:8233', token), 200);
  assert.equal(await ask('https://temporal.example', token), 200);
  assert.equal(await ask('https://temporal.example', 'Bearer another'), 401);
  assert.equal(await ask('https://elsewhere.example', token), 403);
});
