// Shapes of legacy systems that were met, each on the wire and beside a variant of it; the pure part is in
// test/domain/registrations/contract.test.ts.
import assert from 'node:assert/strict';
import { once } from 'node:events';
import { connect, createServer, type AddressInfo } from 'node:net';
import { test, type TestContext } from 'node:test';
import { brotliCompressSync, deflateRawSync, deflateSync, gzipSync } from 'node:zlib';
import { fetchFilings } from '../../src/audit/ledgers.ts';
import { PRESETS } from '../../src/domain/registrations/contract.ts';
import { proxyFor } from '../../src/config/proxy.ts';
import { createLegacy, type Exchanged } from '../../src/registrations/legacy.ts';
import { certificateAuthority } from '../helpers/certificates.ts';
import { described } from '../helpers/described.ts';
import { presetSystem } from '../helpers/preset-systems.ts';
import { atEnd } from '../helpers/servers.ts';
import { http, socketSystem, type Heard, type Reply } from '../helpers/socket-system.ts';
import { behindMutualTls } from '../helpers/tls-proxy.ts';
import { json, webServer } from '../helpers/web-server.ts';

const BODY = Buffer.from('{"id":"ana-1"}');

function at(t: TestContext, url: string, legacy = '{}', env: Record<string, string> = {}) {
  const exchanged: Exchanged[] = [];
  const config = described(legacy, { LEGACY_URL: url, ...env });
  const client = createLegacy(config, { trace: (each) => exchanged.push(each) });
  atEnd(t, () => client.close());
  return { ...client, exchanged };
}

for (const preset of PRESETS) {
  test(`${preset}: accepted, processing with Retry-After, done, failed, refused and lost are told apart`, async (t) => {
    const system = await presetSystem(t, preset);
    const client = at(t, system.url, `{ preset: ${preset} }`);
    const submit = (id: string) => client.submit(Buffer.from(JSON.stringify({ id })), 'k');
    const accepted = await submit('ana');
    assert.ok(accepted.kind === 'accepted', JSON.stringify(accepted));
    assert.deepEqual(await client.status(accepted.requestId), {
      kind: 'processing',
      retryAfter: 1_000,
    });
    assert.deepEqual(await client.status(accepted.requestId), { kind: 'done' });
    const failed = await submit('failed-1');
    assert.ok(failed.kind === 'accepted');
    await client.status(failed.requestId);
    const reason = 'unknown municipality';
    assert.deepEqual(await client.status(failed.requestId), { kind: 'failed', reason });
    assert.deepEqual(await submit('refused-1'), { kind: 'refused', reason });
    assert.equal((await submit('lost-1')).kind, 'unknown');
    assert.equal((await client.status('nobody')).kind, 'unreadable');
  });
}

test('the result behind a Location is asked for on the same origin alone, also outside the path of LEGACY_URL', async (t) => {
  let location = '/results/7?full=1';
  const elsewhere = await webServer(t, (_, response) => json(response, 200, {}));
  const system = await socketSystem(t, ({ target }) =>
    target.startsWith('/results') ? http(200, { ok: 1 }) : http(303, '', { Location: location }),
  );
  const legacy = '{ preset: location-202, query: { tenant: acme } }';
  const client = at(t, `${system.url}/api/v1`, legacy);
  assert.deepEqual(await client.status('7'), { kind: 'done' });
  assert.deepEqual(
    system.heard.map(({ target }) => target),
    ['/api/v1/registrations/7?tenant=acme', '/results/7?full=1&tenant=acme'],
  );
  for (location of [`${elsewhere.url}/results/7`, '//127.0.0.1:1/results/7', '/a/../results/7'])
    assert.equal((await client.status('7')).kind, 'unreadable', location);
  assert.equal(elsewhere.seen.length, 0);
});

const words = { id: 'A-1', status: 'done', reason: 'São João' };
const plain = Buffer.from(JSON.stringify(words));
const packed: [string, Buffer, Record<string, string>][] = [
  ['gzip', gzipSync(plain), { 'Content-Encoding': 'gzip' }],
  ['x-gzip in large letters', gzipSync(plain), { 'Content-Encoding': 'X-GZIP' }],
  ['br', brotliCompressSync(plain), { 'Content-Encoding': 'br' }],
  ['deflate', deflateSync(plain), { 'Content-Encoding': 'deflate' }],
  ['deflate without its header', deflateRawSync(plain), { 'Content-Encoding': 'deflate' }],
  ['gzip within br', brotliCompressSync(gzipSync(plain)), { 'Content-Encoding': 'gzip, br' }],
  ['identity', plain, { 'Content-Encoding': 'identity' }],
  [
    'Latin-1',
    Buffer.from(plain.toString(), 'latin1'),
    { 'Content-Type': 'application/json; charset=ISO-8859-1' },
  ],
  ['UTF-16 with a mark', Buffer.from(`\ufeff${plain.toString()}`, 'utf16le'), {}],
  ['a quoted charset', plain, { 'Content-Type': 'application/json;charset="utf-8"' }],
];
for (const [what, bytes, headers] of packed) {
  test(`an answer in ${what} is read, though nobody has asked for it`, async (t) => {
    const system = await socketSystem(t, ({ method }) =>
      http(method === 'POST' ? 422 : 200, bytes, headers),
    );
    const client = at(t, system.url);
    assert.deepEqual(await client.submit(BODY, 'k'), { kind: 'refused', reason: 'São João' });
    assert.deepEqual(await client.status('A-1'), { kind: 'done' });
  });
}

const bomb = gzipSync(Buffer.alloc(64 * 1024 * 1024, ' '));
const unreadable: [string, Buffer, Record<string, string>, RegExp][] = [
  ['a bomb', bomb, { 'Content-Encoding': 'gzip' }, /over 1048576 bytes unpacked/],
  [
    'a bomb within a bomb',
    gzipSync(bomb),
    { 'Content-Encoding': 'gzip, gzip' },
    /over 1048576 bytes unpacked/,
  ],
  [
    'half of it',
    gzipSync(plain).subarray(0, 20),
    { 'Content-Encoding': 'gzip' },
    /is no whole gzip/,
  ],
  ['what is no gzip', plain, { 'Content-Encoding': 'gzip' }, /is no whole gzip/],
  [
    'an encoding nobody knows',
    plain,
    { 'Content-Encoding': 'pack200' },
    /none of gzip, deflate and br/,
  ],
  [
    'a charset nobody knows',
    plain,
    { 'Content-Type': 'application/json; charset=klingon' },
    /charset is not known/,
  ],
  [
    'a page',
    Buffer.from('<html>'),
    { 'Content-Type': 'text/html' },
    /not JSON \(its Content-Type says text\/html\)/,
  ],
  ['nothing', Buffer.alloc(0), {}, /its body is empty/],
];
for (const [what, bytes, headers, why] of unreadable) {
  test(`an answer that cannot be read says why: ${what}`, async (t) => {
    const system = await socketSystem(t, () => http(200, bytes, headers));
    const client = at(t, system.url);
    const posted = await client.submit(BODY, 'k');
    assert.ok(posted.kind === 'unknown');
    assert.match(posted.reason, why);
    const asked = await client.status('A-1');
    assert.ok(asked.kind === 'unreadable');
    assert.match(asked.reason, why);
  });
}

test('headers and parameters go with every request, secrets from the environment, and a method of its own', async (t) => {
  const system = await socketSystem(t, ({ method }) =>
    method === 'PUT' ? http(201, { id: 'A-1' }) : http(200, { id: 'A-1', status: 'done' }),
  );
  const legacy = `{ headers: { X-Api-Key: { env: OFFICE_KEY }, Accept: application/vnd.api+json, Content-Type: application/vnd.api+json }, query: { tenant: "a&b", sig: { env: OFFICE_SIG } }, submit: { method: PUT, path: "/new?fast=1" }, poll: { method: POST } }`;
  const client = at(t, system.url, legacy, { OFFICE_KEY: 's3cret', OFFICE_SIG: 'x/y' });
  assert.equal((await client.submit(BODY, 'k')).kind, 'accepted');
  assert.equal((await client.status('A-1')).kind, 'done');
  const [put, post] = system.heard;
  assert.deepEqual(
    [put?.method, put?.target, put?.headers.get('x-api-key'), put?.headers.get('content-type')],
    ['PUT', '/new?fast=1&tenant=a%26b&sig=x%2Fy', 's3cret', 'application/vnd.api+json'],
  );
  assert.deepEqual(
    [post?.method, post?.headers.get('x-api-key'), post?.headers.get('accept')],
    ['POST', 's3cret', 'application/vnd.api+json'],
  );
  assert.equal(post?.headers.get('content-type'), undefined, 'it has no body');
  const bare = '{ headers: { X-Api-Key: { env: OFFICE_KEY } } }';
  assert.throws(
    () => described(bare),
    /legacy\.headers\.X-Api-Key: expected .* OFFICE_KEY, got none/,
  );
  assert.throws(
    () => described('{ headers: { X-Api-Key: hunter2 } }'),
    (error: Error) =>
      /expected { env: NAME }/.test(error.message) && !error.message.includes('hunter2'),
  );
  for (const name of ['Host', 'Content-Length', 'Authorization', 'Idempotency-Key', 'a b'])
    assert.throws(() => described(`{ headers: { "${name}": x } }`), /name of a header/, name);
});

test('a system that closes each connection without saying so: with a connection for each request nothing is in doubt', async (t) => {
  const answer = http(201, { id: 'A-1' }).toString();
  const system = await socketSystem(t, () => ({ close: answer }));
  const client = at(t, system.url, '{ keepAlive: null }');
  for (let n = 0; n < 50; n++)
    assert.equal((await client.submit(BODY, String(n))).kind, 'accepted');
  assert.equal(system.connections(), 50);
  assert.equal(system.heard[0]?.headers.get('connection'), 'close');
});

test('a connection that was idle for longer than legacy.keepAlive is not used again', async (t) => {
  const system = await socketSystem(t, () => http(200, { id: 'A-1', status: 'done' }));
  const client = at(t, system.url, '{ keepAlive: 10m }');
  for (let n = 0; n < 10; n++) await client.status('A-1');
  assert.ok(system.connections() <= 2, String(system.connections()));
});

/** A forward proxy on raw sockets: absolute addresses, or tunnels. */
async function forwardProxy(t: TestContext, password: string | null) {
  const asked: string[] = [];
  const server = createServer((socket) => {
    socket.on('error', () => {});
    socket.once('data', (first) => {
      const [line = '', ...rest] = first.toString('latin1').split('\r\n');
      const [method = '', target = '', version = ''] = line.split(' ');
      asked.push(line);
      const expected = Buffer.from(`office:${password}`).toString('base64');
      if (password !== null && !rest.some((each) => each.endsWith(`Basic ${expected}`)))
        return void socket.end('HTTP/1.1 407 x\r\ncontent-length: 0\r\n\r\n');
      const url = new URL(method === 'CONNECT' ? `http://${target}` : target);
      const through = connect(Number(url.port), url.hostname);
      through.on('error', () => socket.destroy());
      if (method === 'CONNECT') socket.write('HTTP/1.1 200 x\r\n\r\n');
      else
        through.write(
          first.toString('latin1').replace(line, `${method} ${url.pathname} ${version}`),
          'latin1',
        );
      socket.pipe(through).pipe(socket);
      socket.on('close', () => through.destroy());
    });
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  atEnd(t, () => void server.close());
  const { port } = server.address() as AddressInfo;
  return { address: `127.0.0.1:${port}`, asked };
}

test('through a proxy that wants a password: by its whole address without TLS, by a tunnel with it', async (t) => {
  const proxy = await forwardProxy(t, 'pa ss');
  const server = await webServer(t, (_, response) => json(response, 201, { id: 'A-1' }));
  const LEGACY_PROXY = `http://office:pa%20ss@${proxy.address}`;
  const open = at(t, `${server.url}/api`, '{}', { LEGACY_PROXY });
  assert.equal((await open.submit(BODY, 'k')).kind, 'accepted');
  assert.deepEqual(proxy.asked.splice(0), [`POST ${server.url}/api/registrations HTTP/1.1`]);
  assert.equal(server.seen[0]?.path, '/api/registrations');

  const { url, files } = await behindMutualTls(t, server);
  const tls = `{ tls: ${JSON.stringify(files)} }`;
  const secret = at(t, url, tls, { LEGACY_PROXY });
  assert.equal((await secret.submit(BODY, 'k')).kind, 'accepted');
  assert.deepEqual(proxy.asked.splice(0), [`CONNECT ${new URL(url).host} HTTP/1.1`]);
  const stranger = certificateAuthority(t).issue('stranger');
  const files2 = { ...files, certFile: stranger.certFile, keyFile: stranger.keyFile };
  const refused = await at(t, url, `{ tls: ${JSON.stringify(files2)} }`, { LEGACY_PROXY }).submit(
    BODY,
    'k',
  );
  assert.equal(refused.kind, 'not-accepted', 'our certificate was judged before a byte was sent');
});

test('the ledger of an audit is asked for through the proxy, too', async (t) => {
  const proxy = await forwardProxy(t, null);
  const server = await webServer(t, (_, response) => json(response, 404, {}));
  const env = { LEGACY_URL: server.url, LEGACY_PROXY: `http://${proxy.address}` };
  assert.equal(await fetchFilings(described('{}', env)), null);
  assert.deepEqual(proxy.asked, [`GET ${server.url}/ledger HTTP/1.1`]);
});

test('a proxy that turns us away, or is not there, has let nothing through: it is sent again', async (t) => {
  const proxy = await forwardProxy(t, 'right');
  const env = { LEGACY_PROXY: `http://office:wrong@${proxy.address}` };
  const tunnel = await at(t, 'https://office.example', '{}', env).submit(BODY, 'k');
  assert.ok(tunnel.kind === 'not-accepted');
  assert.match(
    tunnel.reason,
    /the proxy: it answered 407 to CONNECT office\.example:443: LEGACY_PROXY/,
  );
  const forwarded = await at(t, 'http://office.example', '{}', env).submit(BODY, 'k');
  assert.ok(forwarded.kind === 'not-accepted');
  assert.match(forwarded.reason, /proxy/);
  const away = { LEGACY_PROXY: 'http://127.0.0.1:1' };
  for (const url of ['http://office.example', 'https://office.example'])
    assert.equal((await at(t, url, '{}', away).submit(BODY, 'k')).kind, 'not-accepted', url);
});

test('the proxy is the one that the environment names for the scheme, but for exceptions and this machine', () => {
  const env = {
    http_proxy: 'http://small:1',
    HTTP_PROXY: 'http://large:1',
    HTTPS_PROXY: 'http://tls:1',
  };
  const of = (url: string, more: Record<string, string> = {}) =>
    proxyFor(url, { ...env, ...more })?.url ?? null;
  assert.equal(of('http://office.example'), 'http://small:1');
  assert.equal(of('https://office.example'), 'http://tls:1');
  for (const local of ['http://localhost:9997', 'http://127.0.0.1', 'http://[::1]:80'])
    assert.equal(of(local), null, local);
  for (const [exception, isMeant] of [
    ['office.example', true],
    ['.example', true],
    ['*.example', true],
    ['a, EXAMPLE b', true],
    ['*', true],
    ['office.example:80', true],
    ['office.example:81', false],
    ['fice.example', false],
    ['', false],
  ] as const)
    assert.equal(of('http://office.example', { NO_PROXY: exception }) === null, isMeant, exception);
  const config = described('{}', { HTTP_PROXY: 'http://u:p@proxy:3128' });
  assert.equal(config.legacyProxy, 'http://u:p@proxy:3128');
  assert.equal(
    described('{}', { HTTP_PROXY: 'http://proxy', LEGACY_PROXY: 'none' }).legacyProxy,
    null,
  );
  assert.throws(
    () => described('{}', { HTTP_PROXY: 'socks5://u:hunter2@proxy' }),
    (error: Error) =>
      /HTTP_PROXY: expected the address of an HTTP proxy/.test(error.message) &&
      !error.message.includes('hunter2'),
  );
});

test('who asks by POST may have the id in a body, as text or as a number, and it is nothing else there', async (t) => {
  const system = await socketSystem(t, () => http(200, { status: 'done' }));
  const legacy = `{
    requestIdPattern: '^.+$',
    poll: { method: POST, path: /status, requestId: null, body: '{"protocol":"{id}"}' },
    lookup: { method: POST, path: /find, body: '{"op":"find","cpf":{id}}' },
  }`;
  const client = at(t, system.url, legacy);
  assert.equal((await client.status('7"}')).kind, 'done');
  await client.lookUp('31');
  assert.equal((await client.lookUp('31,"all":true')).kind, 'unreadable');
  const heard = system.heard.map(({ target, body, headers }) => {
    return [target, body, headers.get('content-type')];
  });
  assert.deepEqual(heard, [
    ['/status', '{"protocol":"7\\"}"}', 'application/json'],
    ['/find', '{"op":"find","cpf":31}', 'application/json'],
  ]);
});

test('each of the requests has a deadline of its own', async (t) => {
  const later: NodeJS.Timeout[] = [];
  atEnd(t, () => later.forEach((each) => clearTimeout(each)));
  const system = await socketSystem(t, ({ method }: Heard): Reply | Promise<Reply> =>
    method === 'POST'
      ? http(201, { id: 'A-1' })
      : new Promise((resolve) => later.push(setTimeout(() => resolve(http(200, {})), 60_000))),
  );
  const client = at(
    t,
    system.url,
    '{ timeout: 60s, poll: { timeout: 50ms }, lookup: { path: "/r/{id}", timeout: 60ms } }',
  );
  assert.equal((await client.submit(BODY, 'k')).kind, 'accepted');
  const asked = await client.status('A-1');
  assert.ok(asked.kind === 'unreadable');
  assert.match(asked.reason, /within 50 ms/);
  const looked = await client.lookUp('ana-1');
  assert.ok(looked.kind === 'unreadable');
  assert.match(looked.reason, /within 60 ms/);
});

test('a deploy that answers 404 or 401 to POSTs for a while refuses none of them', async (t) => {
  let isAway = true;
  const system = await socketSystem(t, ({ body }) =>
    isAway
      ? http(body.includes('1') ? 404 : 401, '<html>')
      : http(202, '', { Location: '/registrations/7' }),
  );
  const client = at(t, system.url, '{ preset: location-202 }');
  for (let n = 0; n < 30; n++)
    assert.equal((await client.submit(Buffer.from(`{"id":${n}}`), 'k')).kind, 'not-accepted');
  isAway = false;
  assert.equal((await client.submit(BODY, 'k')).kind, 'accepted');
});
