import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import {
  appendFileSync,
  chmodSync,
  mkdtempSync,
  readFileSync,
  readdirSync,
  rmSync,
  statSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { text } from 'node:stream/consumers';
import { test } from 'node:test';
import type { TestContext } from 'node:test';
import { fileURLToPath } from 'node:url';
import { loadConfig } from '../../src/config/load.ts';
import {
  createKeyFile,
  keysOfFile,
  parseKeys,
  readKeyFile,
} from '../../src/runtime/encryption-keys.ts';

const key = (byte: number): string => Buffer.alloc(32, byte).toString('base64');

function keyFile(t: TestContext, content?: string): string {
  const folder = mkdtempSync(join(tmpdir(), 'despachante-keys-'));
  t.after(() => rmSync(folder, { recursive: true }));
  const file = join(folder, 'below', 'encryption.key');
  if (content === undefined) return file;
  createKeyFile(file);
  writeFileSync(file, content);
  return file;
}

test('keys stand between commas or in lines, in their order, with comments beside them', () => {
  const ids = (text: string) => parseKeys(text).map(({ id }) => id);
  assert.deepEqual(ids(`k2:${key(2)},k1:${key(1)}`), ['k2', 'k1']);
  assert.deepEqual(ids(`# the new one\nk2:${key(2)}\r\n\n  k1: ${key(1)} \n`), ['k2', 'k1']);
  assert.deepEqual(ids(`k:${Buffer.alloc(32, 251).toString('base64url')}`), ['k']);
});

test('what is wrong with keys is told, and nothing of a key', () => {
  const secret = 'c2VjcmV0c2VjcmV0';
  for (const [text, told] of [
    ['', /there is no key/],
    ['# none\n', /there is no key/],
    [secret, /key 1 has no id/],
    [`k1:${key(1)},${secret}:`, /key 2 is not in base64/],
    [`a b:${key(1)}`, /key 1 has no id/],
    [`k1:${secret}`, /key 1 has 12 bytes and needs 32: openssl rand -base64 32/],
    [`k1:${Buffer.alloc(16, 9).toString('base64')}`, /key 1 has 16 bytes and needs 32/],
    [`k1:not*base64`, /key 1 is not in base64/],
    [`k1:${key(1)},k1:${key(2)}`, /key 2 has the id of another one/],
  ] as const) {
    assert.throws(
      () => parseKeys(text),
      ({ message }: Error) => told.test(message),
      text,
    );
  }
  assert.throws(
    () => parseKeys(`k1:${secret}`),
    ({ message }: Error) => !message.includes(secret),
  );
});

test('a key file is made once, for this user alone', (t) => {
  const file = keyFile(t);
  assert.equal(createKeyFile(file), true);
  const first = readFileSync(file, 'utf8');
  assert.equal(createKeyFile(file), false);
  assert.equal(readFileSync(file, 'utf8'), first);
  assert.equal(statSync(file).mode & 0o777, 0o600);
  assert.match(readKeyFile(file)[0].id, /^local-\d{4}-\d\d-\d\d$/);
});

test('of many processes that make the key file at once one does, and all read the same whole key', async (t) => {
  const file = keyFile(t);
  const module = fileURLToPath(new URL('../../src/runtime/encryption-keys.js', import.meta.url));
  const script = `
    import { createKeyFile, markOf, readKeyFile } from ${JSON.stringify(module)};
    const made = createKeyFile(${JSON.stringify(file)});
    console.log(made, markOf(readKeyFile(${JSON.stringify(file)})[0]));`;
  const children = Array.from({ length: 6 }, () =>
    text(spawn(process.execPath, ['--input-type=module', '-e', script]).stdout),
  );
  const told = (await Promise.all(children)).map((each) => each.trim().split(' '));
  assert.equal(told.filter(([made]) => made === 'true').length, 1);
  assert.equal(new Set(told.map(([, mark]) => mark)).size, 1);
  assert.deepEqual(readdirSync(dirname(file)), ['encryption.key'], 'nothing is left beside it');
});

test('a key file that a crash left empty or half is told with the remedy, and is not overwritten', (t) => {
  for (const content of ['', '# a comment\n', 'local-2026-01-01:QUJD']) {
    const file = keyFile(t, content);
    assert.equal(createKeyFile(file), false);
    assert.throws(() => readKeyFile(file), /cannot be used.*if it never held a key, remove it/);
    assert.equal(readFileSync(file, 'utf8'), content);
  }
});

test('a file of keys that every user can read is told, and refused in production', (t) => {
  const file = keyFile(t, `k1:${key(1)}\n`);
  const env = { DESPACHANTE_ENCRYPTION_KEY_FILE: file };
  const production = { ...env, NODE_ENV: 'production' };
  assert.deepEqual(loadConfig({ env }).warnings, []);
  chmodSync(file, 0o440);
  assert.deepEqual(loadConfig({ env: production }).warnings, [], 'a Secret of Kubernetes');
  chmodSync(file, 0o644);
  assert.match(loadConfig({ env }).warnings.join(), /KEY_FILE.*not every user.*chmod 600/);
  assert.throws(() => loadConfig({ env: production }), /KEY_FILE.*not every user.*chmod 600/);
  const tls = {
    AMQP_URL: 'amqps://broker',
    DESPACHANTE_RABBIT_TLS_CERT_FILE: file,
    DESPACHANTE_RABBIT_TLS_KEY_FILE: file,
  };
  assert.match(loadConfig({ env: tls }).warnings.join(), /TLS_KEY_FILE.*not every user/);
});

test('a key file that cannot be used is told by its name', (t) => {
  const file = keyFile(t, 'k1:short');
  assert.throws(() => readKeyFile(file), /encryption\.key cannot be used: key 1 has/);
  assert.throws(() => keysOfFile(`${file}-nowhere`), /nowhere cannot be used: ENOENT/);
});

test('keys are rotated in a file while it is in use: read everywhere first, then written, then dropped', (t) => {
  const file = keyFile(t, `k1:${key(1)}\n`);
  const ring = keysOfFile(file, 0);
  assert.equal(ring.writing().id, 'k1');
  appendFileSync(file, `k2:${key(2)}\n`);
  assert.deepEqual([ring.writing().id, ring.ids()], ['k1', ['k1', 'k2']]);
  writeFileSync(file, `k2:${key(2)}\nk1:${key(1)}\n# now it writes\n`);
  assert.equal(ring.writing().id, 'k2');
  assert.ok(ring.find('k1'));
  writeFileSync(file, `k2:${key(2)}\n`);
  assert.equal(ring.writing().id, 'k2');
  assert.equal(ring.find('k1'), undefined);
});

test('a key that another process has written with already is looked for in the file at once', (t) => {
  const file = keyFile(t, `k1:${key(1)}\n`);
  const ring = keysOfFile(file, 3_600_000);
  appendFileSync(file, `k2:${key(2)}\n`);
  assert.deepEqual(ring.ids(), ['k1'], 'it believes what it has read');
  assert.ok(ring.find('k2'));
});

test('a key file that breaks or goes away while it is in use changes nothing', (t) => {
  const file = keyFile(t, `k1:${key(1)}\n`);
  const ring = keysOfFile(file, 0);
  writeFileSync(file, 'k2:');
  assert.equal(ring.writing().id, 'k1');
  rmSync(file);
  assert.equal(ring.writing().id, 'k1');
  writeFileSync(file, `k3:${key(3)}\nk1:${key(1)}\n`);
  assert.equal(ring.writing().id, 'k3');
});
