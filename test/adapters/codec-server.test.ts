import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { TestContext } from 'node:test';
import { defaultPayloadConverter } from '@temporalio/common';
import { payloadToJSON } from '@temporalio/common/lib/proto-utils.js';
import { serveCodec } from '../../src/codec-server.ts';
import type { CodecServerOptions } from '../../src/codec-server.ts';
import { fixedKeys, parseKeys } from '../../src/encryption-keys.ts';
import { silent } from '../../src/log.ts';
import { createPayloadCodec } from '../../src/payload-codec.ts';
import { atEnd } from '../helpers/servers.ts';

const WEB = 'http://localhost:8233';
const reading = fixedKeys(parseKeys(`k1:${Buffer.alloc(32, 1).toString('base64')}`));
const codec = createPayloadCodec({ writing: () => reading.writing(), reading });
const plain = payloadToJSON(defaultPayloadConverter.toPayload({ name: 'Ana' }));

async function codecAt(t: TestContext, options: Partial<CodecServerOptions> = {}) {
  const server = await serveCodec({
    host: '127.0.0.1',
    port: 0,
    codec,
    namespace: 'default',
    origins: [WEB],
    token: null,
    log: silent,
    ...options,
  });
  atEnd(t, () => server.close());
  return async (
    path: string,
    body: unknown = { payloads: [plain] },
    headers: Record<string, string> = {},
    method = 'POST',
  ) => {
    const answer = await fetch(`http://127.0.0.1:${server.port}${path}`, {
      method,
      headers: { 'content-type': 'application/json', ...headers },
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
  const token = 'a token of the tests';
  const ask = await codecAt(t, { token });
  assert.ok(await isLetThrough(ask, 'content-type,x-namespace'));
  assert.ok(await isLetThrough(ask, 'authorization,authorization-extras,content-type,x-namespace'));
  assert.ok(!(await isLetThrough(ask, 'content-type,x-another')));
  const page = { origin: WEB, referer: `${WEB}/`, 'x-namespace': 'default' };
  const loggedIn = { ...page, 'authorization-extras': 'an id token' };
  for (const [status, headers] of [
    [200, { ...loggedIn, authorization: `Bearer ${token}` }],
    [401, { ...loggedIn, authorization: 'Bearer undefined' }],
    [401, page],
  ] as const) {
    const answer = await ask('/decode', undefined, headers);
    assert.equal(answer.status, status);
    // Else Temporal Web is not told that it was refused.
    assert.equal(answer.headers.get('access-control-allow-origin'), WEB);
  }
});

test('with a token nobody is served without it', async (t) => {
  const ask = await codecAt(t, { token: 'a token of the tests' });
  for (const authorization of ['', 'Bearer', 'Bearer wrong', 'a token of the tests']) {
    assert.equal((await ask('/decode', undefined, { authorization })).status, 401);
  }
  const authorization = 'Bearer a token of the tests';
  assert.equal((await ask('/decode', undefined, { authorization })).status, 200);
});

test('for other machines it does not listen without a token', async (t) => {
  await assert.rejects(codecAt(t, { host: '0.0.0.0' }), /set CODEC_TOKEN/);
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
