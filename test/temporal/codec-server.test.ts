import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { chmod, copyFile, mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { text } from 'node:stream/consumers';
import { test } from 'node:test';
import type { TestContext } from 'node:test';
import { defaultPayloadConverter } from '@temporalio/common';
import { payloadToJSON } from '@temporalio/common/lib/proto-utils.js';
import { request } from 'undici';
import { originsOf } from '../../src/temporal/codec-access.ts';
import { serveCodec } from '../../src/temporal/codec-server.ts';
import type { CodecServerOptions } from '../../src/temporal/codec-server.ts';
import { fixedKeys, parseKeys } from '../../src/runtime/encryption-keys.ts';
import { silent } from '../../src/runtime/log.ts';
import { createPayloadCodec } from '../../src/temporal/payload-codec.ts';
import { atEnd } from '../helpers/servers.ts';

const TOKEN = 'a token of the tests';
const WEB = 'http://localhost:8233';
const reading = fixedKeys(parseKeys(`k1:${Buffer.alloc(32, 1).toString('base64')}`));
const codec = createPayloadCodec({ writing: () => reading.writing(), reading });
const plain = payloadToJSON(defaultPayloadConverter.toPayload({ name: 'Ana' }));

const standard: CodecServerOptions = {
  host: '127.0.0.1',
  port: 0,
  codec,
  namespace: 'default',
  origins: [WEB],
  hosts: [],
  tokens: [{ secret: TOKEN, ownUserOnly: false }],
  log: silent,
};

async function portOf(t: TestContext, options: Partial<CodecServerOptions> = {}) {
  const server = await serveCodec({ ...standard, ...options });
  atEnd(t, () => server.close());
  return server.port;
}

async function codecAt(t: TestContext, options: Partial<CodecServerOptions> = {}) {
  const port = await portOf(t, options);
  return async (
    path: string,
    body: unknown = { payloads: [plain] },
    headers: Record<string, string> = {},
    method = 'POST',
  ) => {
    const answer = await fetch(`http://127.0.0.1:${port}${path}`, {
      method,
      headers: {
        'content-type': 'application/json',
        authorization: `Bearer ${TOKEN}`,
        ...headers,
      },
      ...(method === 'POST'
        ? { body: typeof body === 'string' ? body : JSON.stringify(body) }
        : {}),
    });
    const text = await answer.text();
    return { status: answer.status, headers: answer.headers, text };
  };
}

test('what is encoded comes back when it is decoded, and shows nothing on the way', async (t) => {
  const ask = await codecAt(t);
  const encoded = await ask('/encode');
  assert.equal(encoded.status, 200);
  assert.doesNotMatch(encoded.text, new RegExp(plain.data ?? 'none'));
  const decoded = await ask('/decode', encoded.text, { 'x-namespace': 'default' });
  assert.deepEqual(JSON.parse(decoded.text), { payloads: [plain] });
  assert.equal(decoded.headers.get('cache-control'), 'no-store');
});

test('what was never encrypted is shown as it is, and nothing at all is nothing', async (t) => {
  const ask = await codecAt(t);
  assert.deepEqual(JSON.parse((await ask('/decode')).text), { payloads: [plain] });
  assert.deepEqual(JSON.parse((await ask('/decode', {})).text), { payloads: [] });
});

test('Temporal Web may ask from its page; any other page may not, nor learn why', async (t) => {
  const ask = await codecAt(t);
  const before = await ask('/decode', null, { origin: WEB }, 'OPTIONS');
  assert.equal(before.status, 204);
  assert.equal(before.headers.get('access-control-allow-origin'), WEB);
  assert.match(before.headers.get('access-control-allow-headers') ?? '', /x-namespace/);
  assert.equal((await ask('/decode', undefined, { origin: WEB })).status, 200);
  for (const method of ['OPTIONS', 'POST']) {
    for (const origin of ['http://evil.example', 'null', `${WEB}.evil.example`]) {
      const refused = await ask('/decode', undefined, { origin }, method);
      assert.equal(refused.status, 403);
      assert.equal(refused.headers.get('access-control-allow-origin'), null);
      assert.doesNotMatch(refused.text, /payloads/);
    }
  }
});

/** The question that Chromium asks first for Temporal Web 2.42, and whether its answer lets the request be sent. */
async function isLetThrough(ask: Awaited<ReturnType<typeof codecAt>>, wanted: string) {
  const { status, headers } = await ask('/decode', null, preflight(wanted), 'OPTIONS');
  const list = (name: string) => (headers.get(name) ?? '').toLowerCase().split(/\s*,\s*/);
  return (
    status === 204 &&
    headers.get('access-control-allow-origin') === WEB &&
    headers.get('access-control-allow-credentials') === 'true' &&
    list('access-control-allow-methods').includes('post') &&
    wanted.split(',').every((name) => list('access-control-allow-headers').includes(name))
  );
}

const preflight = (wanted: string) => ({
  accept: '*/*',
  'access-control-request-headers': wanted,
  'access-control-request-method': 'POST',
  origin: WEB,
});

test('a browser sends what Temporal Web adds for those who have not logged in, and who have', async (t) => {
  const ask = await codecAt(t);
  assert.ok(await isLetThrough(ask, 'content-type,x-namespace'));
  assert.ok(await isLetThrough(ask, 'authorization,authorization-extras,content-type,x-namespace'));
  assert.ok(!(await isLetThrough(ask, 'content-type,x-another')));
  const page = { origin: WEB, referer: `${WEB}/`, 'x-namespace': 'default' };
  const loggedIn = { ...page, 'authorization-extras': 'an id token' };
  for (const [status, headers] of [
    [200, { ...loggedIn, authorization: `Bearer ${TOKEN}` }],
    [401, { ...loggedIn, authorization: 'Bearer undefined' }],
    [401, { ...page, authorization: '' }],
  ] as const) {
    const answer = await ask('/decode', undefined, headers);
    assert.equal(answer.status, status);
    // Else Temporal Web is not told that it was refused.
    assert.equal(answer.headers.get('access-control-allow-origin'), WEB);
  }
});

test('with a token nobody is served without it', async (t) => {
  const ask = await codecAt(t);
  for (const authorization of ['', 'Bearer', 'Bearer wrong', 'a token of the tests']) {
    assert.equal((await ask('/decode', undefined, { authorization })).status, 401);
  }
  const authorization = 'Bearer a token of the tests';
  assert.equal((await ask('/decode', undefined, { authorization })).status, 200);
});

test('for other machines it does not listen without a token', async (t) => {
  const tokens = [{ secret: TOKEN, ownUserOnly: true }];
  await assert.rejects(codecAt(t, { host: '0.0.0.0', tokens }), /set CODEC_TOKEN/);
});

test('the token may be the folder of the path, as Temporal Web sends it, and then no header is needed', async (t) => {
  const ask = await codecAt(t, {
    tokens: [{ secret: 'an-address-of-its-own', ownUserOnly: true }],
  });
  const none = { authorization: '' };
  assert.equal((await ask('/an-address-of-its-own/decode', undefined, none)).status, 200);
  for (const path of [
    '/decode',
    '//decode',
    '/another/decode',
    '/x/an-address-of-its-own/decode',
  ]) {
    assert.equal((await ask(path, undefined, none)).status, 401, path);
  }
});

test(
  'another user of this machine is refused even with the token that Temporal Web shows to everybody',
  { skip: process.platform !== 'linux' || process.getuid?.() !== 0 },
  async (t) => {
    const tokens = [
      { secret: 'an-address-of-its-own', ownUserOnly: true },
      { secret: TOKEN, ownUserOnly: false },
    ];
    const server = await serveCodec({ ...standard, tokens });
    atEnd(t, () => server.close());
    // The node that runs this may lie where no other user may look.
    const own = await mkdtemp(join(tmpdir(), 'despachante-test-'));
    atEnd(t, () => rm(own, { recursive: true }));
    const node = join(own, 'node');
    await copyFile(process.execPath, node);
    await chmod(own, 0o755);
    const statusAs = async (uid: number, folder: string) => {
      const url = `http://127.0.0.1:${server.port}/${folder}/decode`;
      const script = `fetch('${url}', { method: 'POST', body: '{}' }).then((a) => console.log(a.status))`;
      const child = spawn(node, ['-e', script], { uid, cwd: '/', env: {} });
      return (await text(child.stdout)).trim();
    };
    assert.equal(await statusAs(0, 'an-address-of-its-own'), '200');
    assert.equal(await statusAs(65_534, 'an-address-of-its-own'), '403');
    assert.equal(await statusAs(65_534, encodeURIComponent(TOKEN)), '200');
  },
);

test('it answers to names of this machine and those that are configured, whatever a page’s own name resolves to', async (t) => {
  const port = await portOf(t, { hosts: ['codec.example'] });
  const statusBy = async (host: string, method = 'POST') => {
    const { statusCode, body } = await request(`http://127.0.0.1:${port}/decode`, {
      method,
      headers: { host, authorization: `Bearer ${TOKEN}` },
      ...(method === 'POST' ? { body: '{}' } : {}),
    });
    await body.dump();
    return statusCode;
  };
  for (const host of [
    `localhost:${port}`,
    `localhost.:${port}`,
    'LOCALHOST.',
    '127.0.0.1',
    'LOCALHOST',
    '[::1]:1',
    'codec.example:443',
  ]) {
    assert.equal(await statusBy(host), 200, host);
  }
  for (const host of [
    'evil.example',
    `evil.example:${port}`,
    'localhost.evil.example',
    'localhost..',
    'evil.localhost.',
    '127.0.0.1.evil.example',
    'codec.example.evil.example',
    '10.0.0.1',
  ]) {
    assert.equal(await statusBy(host), 403, host);
    assert.equal(await statusBy(host, 'OPTIONS'), 403, host);
  }
});

test('the origin of sandboxed frames is never one that may ask, however it was asked for', async (t) => {
  for (const origin of [
    'null',
    'localhost:8233',
    'file:///x',
    '*',
    'https://*.example',
    'data:,x',
  ]) {
    await assert.rejects(codecAt(t, { origins: [origin] }), /is no page: write it as it stands/);
  }
});

test('an origin is read from an address as people have it', () => {
  assert.deepEqual(originsOf('HTTPS://Temporal.Example/namespaces/'), ['https://temporal.example']);
  assert.deepEqual(originsOf('https://temporal.example:443'), ['https://temporal.example']);
  assert.deepEqual(originsOf('http://localhost:8233/'), [
    'http://localhost:8233',
    'http://127.0.0.1:8233',
  ]);
  assert.deepEqual(originsOf('http://localhost.example'), ['http://localhost.example']);
  assert.throws(() => originsOf('http://user:secret@temporal.example'), /is no page/);
});

test('another namespace, path, method or body is refused', async (t) => {
  const ask = await codecAt(t);
  assert.equal((await ask('/decode', undefined, { 'x-namespace': 'other' })).status, 403);
  assert.equal((await ask('/')).status, 404);
  assert.equal((await ask('/decode', undefined, {}, 'GET')).status, 405);
  for (const body of ['', 'null', '[]', '{"payloads": 1}', '{"payloads": [{"data": 1}]}']) {
    assert.equal((await ask('/decode', body)).status, 400, body);
  }
  assert.equal((await ask('/decode', ' '.repeat(8 * 1024 * 1024 + 1))).status, 413);
});

test('a payload of another key is told by the id of that key', async (t) => {
  const ask = await codecAt(t);
  const metadata = {
    encoding: Buffer.from('binary/encrypted').toString('base64'),
    'encryption-key-id': Buffer.from('k9').toString('base64'),
  };
  const { status, text } = await ask('/decode', { payloads: [{ metadata, data: 'AAAA' }] });
  assert.equal(status, 422);
  assert.match(text, /encrypted with the key \\"k9\\", and ours are k1/);
});
