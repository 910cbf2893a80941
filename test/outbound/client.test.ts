import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { TestContext } from 'node:test';
import { fetchAccepted } from '../../src/audit/ledgers.ts';
import { diagnoseLegacy } from '../../src/doctor/legacy.ts';
import { readyTimes } from '../../src/operations/measure.ts';
import { createHttpClient } from '../../src/outbound/client.ts';
import type { HttpClientOptions } from '../../src/outbound/client.ts';
import { testConfig } from '../helpers/configuration.ts';
import { atEnd } from '../helpers/servers.ts';
import { behindMutualTls } from '../helpers/tls-proxy.ts';
import { webServer } from '../helpers/web-server.ts';

const NO_FILES = { caFile: null, certFile: null, keyFile: null };

function clientOf(t: TestContext, baseUrl: string, changes: Partial<HttpClientOptions> = {}) {
  const options = { baseUrl, authorization: 'Bearer x', tls: NO_FILES, timeoutMs: 20_000 };
  const http = createHttpClient({ ...options, maxBytes: 1_000, ...changes });
  atEnd(t, () => http.close());
  return http;
}

test('the answer comes as bytes, and as JSON where it is that; a redirect is an answer', async (t) => {
  const bytes = Buffer.from([0xff, 0x00, 0x7b]);
  const server = await webServer(t, ({ path }, response) => {
    if (path === '/at/away') response.writeHead(302, { location: '/at/json' }).end();
    else response.end(path === '/at/json' ? '\ufeff{"a":1}' : bytes);
  });
  const http = clientOf(t, `${server.url}/at/`);
  const get = (path: string) => http.send({ method: 'GET', path });
  const raw = await get('/raw');
  assert.ok(raw.kind === 'answer');
  assert.deepEqual([raw.body, raw.read().json], [bytes, null]);
  const json = await get('/json');
  assert.ok(json.kind === 'answer');
  assert.deepEqual(json.read().json, { a: 1 });
  const away = await get('/away');
  assert.equal(away.kind === 'answer' && away.status, 302);
  assert.deepEqual(
    new Set(server.seen.map(({ headers }) => headers.authorization)),
    new Set(['Bearer x']),
  );
  assert.equal(server.seen.length, 3);
});

test('what is too long, or drips for too long, is no answer, and how it began is known', async (t) => {
  const server = await webServer(t, ({ path }, response) => {
    response.writeHead(200, { 'content-type': 'text/plain' });
    if (path === '/long') return void response.end('x'.repeat(1_001));
    const timer = setInterval(() => response.write('x'), 50);
    response.on('close', () => clearInterval(timer));
  });
  const long = await clientOf(t, server.url).send({ method: 'GET', path: '/long' });
  assert.ok(long.kind === 'none' && long.sent);
  assert.match(long.reason, /an answer of over 1000 bytes/);
  assert.equal(long.head?.status, 200);
  const dripping = clientOf(t, server.url, { timeoutMs: 3_000 });
  const late = await dripping.send({ method: 'GET', path: '/drip' });
  assert.ok(late.kind === 'none' && late.sent);
  assert.match(late.reason, /no answer within 3000 ms/);
  assert.equal(late.head?.headers['content-type'], 'text/plain');
});

test('a ledger that ends too early is told, what is none is not there', async (t) => {
  const line = '{"event":"accepted","id":"a","idempotencyKey":"k","at":1,"doneAt":2}\n';
  let type = 'application/x-ndjson';
  let isCut = false;
  const server = await webServer(t, (_, response) => {
    response.writeHead(200, { 'content-type': type });
    response.write(line);
    if (isCut) setTimeout(() => response.destroy(), 100);
    else response.end('{"event":"get"}\n{"torn":');
  });
  const config = testConfig({ legacyUrl: server.url });
  const all = [{ event: 'accepted', id: 'a', idempotencyKey: 'k', at: 1, doneAt: 2 }];
  assert.deepEqual(await fetchAccepted(config), all);
  assert.deepEqual(await readyTimes(config), new Map([['a', { at: 1, doneAt: 2 }]]));
  isCut = true;
  await assert.rejects(fetchAccepted(config), /\/ledger ended too early: /);
  type = 'text/html';
  assert.equal(await fetchAccepted(config), null);
  await server.stop();
  assert.equal(await fetchAccepted(config), null);
});

test('whoever asks presents our certificate and trusts the CA of the configuration', async (t) => {
  const server = await webServer(t, (_, response) => {
    response.writeHead(200, { 'content-type': 'application/x-ndjson' });
    response.end('{"event":"accepted","id":"a","at":1,"doneAt":2}\n');
  });
  const { url: legacyUrl, files } = await behindMutualTls(t, server);
  const config = testConfig({ legacyUrl, legacy: { tls: files } });
  assert.equal((await readyTimes(config)).size, 1);
  assert.equal((await diagnoseLegacy(config))[0]?.state, 'well');
  const without = testConfig({ legacyUrl, legacy: { tls: NO_FILES } });
  assert.equal((await readyTimes(without)).size, 0);
  const [told] = await diagnoseLegacy(without);
  assert.match(told?.remedy ?? '', /give that CA's certificate in legacy\.tls\.caFile/);
});
