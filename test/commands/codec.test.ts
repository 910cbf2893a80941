import assert from 'node:assert/strict';
import { once } from 'node:events';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { startChild } from '../../src/runtime/child.ts';
import { createKeyFile } from '../../src/runtime/encryption-keys.ts';
import { atEnd } from '../helpers/servers.ts';
import { emptyFolder, run, start } from './cli.ts';

test('without a key there is nothing to decrypt with, and a page that is no address is refused', async (t) => {
  const cwd = emptyFolder(t);
  const none = await run(['codec', '--port', '0'], { cwd, env: { ENCRYPTION_KEYS: '' } });
  assert.equal(none.code, 2);
  assert.match(none.stderr, /no key to decrypt with: neither ENCRYPTION_KEYS nor data\//);
  createKeyFile(join(cwd, 'data', 'encryption.key'));
  for (const origin of [
    'temporal.example',
    'localhost:8233',
    'null',
    '*',
    'ftp://temporal.example',
  ]) {
    const page = await run(['codec', '--port', '0', '--origin', origin], { cwd });
    assert.equal(page.code, 2, origin);
    assert.ok(page.stderr.includes(`"${origin}" is no page: write it as it stands`), page.stderr);
  }
  const page = await run(['codec', '--port', '0', '--origin', 'localhost:8233'], { cwd });
  assert.match(page.stderr, /such as http:\/\/localhost:8233/);
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

test('a page that is named twice, or by both names of this machine, is told once', async (t) => {
  const cwd = emptyFolder(t);
  const keyFile = join(cwd, 'keys');
  createKeyFile(keyFile);
  const logFile = join(cwd, 'codec.log');
  const pages = [
    'http://localhost:8233',
    'http://LOCALHOST:8233/namespaces',
    'http://127.0.0.1:8233',
  ];
  const child = await startChild({
    args: ['codec', '--port', '0', '--origin', ...pages],
    env: {
      DESPACHANTE_ENCRYPTION_KEY_FILE: keyFile,
      TEMPORAL_WEB_URL: 'http://localhost:8233',
      CODEC_TOKEN: 'a token of the tests',
    },
    logFile,
  });
  atEnd(t, () => child.stop());
  await child.stop();
  const [, origins] = /"origins":(\[.*?\])/.exec(readFileSync(logFile, 'utf8')) ?? [];
  assert.equal(origins, '["http://localhost:8233","http://127.0.0.1:8233"]');
});

test('without a token it makes one, and tells the address that has it to whoever started it alone', async (t) => {
  const cwd = emptyFolder(t);
  const keyFile = join(cwd, 'keys');
  createKeyFile(keyFile);
  const child = start(['codec', '--port', '0'], cwd, {
    DESPACHANTE_ENCRYPTION_KEY_FILE: keyFile,
    CODEC_TOKEN: '',
    TEMPORAL_CODEC_URL: '',
  });
  atEnd(t, () => void child.kill());
  let log = '';
  child.stderr.on('data', (chunk: Buffer) => (log += chunk.toString()));
  const [first] = (await once(child.stdout, 'data')) as [Buffer];
  const [url = ''] = /http:\S+/.exec(first.toString()) ?? [];
  const body = '{"payloads": []}';
  assert.equal((await fetch(`${url}/decode`, { method: 'POST', body })).status, 200);
  const { origin, pathname } = new URL(url);
  assert.equal((await fetch(`${origin}/decode`, { method: 'POST', body })).status, 401);
  assert.doesNotMatch(log, new RegExp(pathname.slice(1)));
});

test('the path of TEMPORAL_CODEC_URL is a token, and no log has it', async (t) => {
  const cwd = emptyFolder(t);
  const keyFile = join(cwd, 'keys');
  createKeyFile(keyFile);
  const logFile = join(cwd, 'codec.log');
  const child = await startChild({
    args: ['codec', '--port', '0'],
    env: {
      DESPACHANTE_ENCRYPTION_KEY_FILE: keyFile,
      CODEC_TOKEN: '',
      TEMPORAL_CODEC_URL: 'http://127.0.0.1:8234/0123456789abcdef',
    },
    logFile,
  });
  atEnd(t, () => child.stop());
  const ask = async (path: string) =>
    (await fetch(`${child.facts.url}${path}`, { method: 'POST', body: '{"payloads": []}' })).status;
  assert.equal(await ask('/0123456789abcdef/decode'), 200);
  assert.equal(await ask('/decode'), 401);
  assert.equal(await ask('/0123456789abcdef/else'), 404);
  await child.stop();
  const log = readFileSync(logFile, 'utf8');
  assert.match(log, /Refused/);
  assert.doesNotMatch(log, /0123456789abcdef/);
  const shown = await run(['config'], {
    cwd,
    env: { TEMPORAL_CODEC_URL: 'http://127.0.0.1:8234/0123456789abcdef' },
  });
  assert.match(shown.stdout, /http:\/\/127\.0\.0\.1:8234\/\*\*\*/);
  assert.doesNotMatch(shown.stdout, /0123456789abcdef/);
});
