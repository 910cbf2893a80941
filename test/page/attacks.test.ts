import assert from 'node:assert/strict';
import { test } from 'node:test';
import { DEFAULTS } from '../../src/config/schema.ts';
import { servePage } from '../../src/page/serve.ts';
import { session } from '../../src/page/schemas.ts';
import type { Key } from '../../src/page/sessions.ts';
import { silent } from '../../src/runtime/log.ts';
import { eventually } from '../helpers/eventually.ts';
import { atEnd } from '../helpers/servers.ts';
import { NO_SERVERS, onWire, startPage } from './pages.ts';

const json = 'application/json';

test('a name that somebody has turned to this machine is refused, for pages and for data', async (t) => {
  const page = await startPage(t);
  for (const path of ['/', '/api/v1/me', '/api/v1/overview', '/index.js'])
    for (const host of [
      'evil.example',
      `evil.example:${page.port}`,
      '127.0.0.1.evil.example',
      '',
      'a b',
    ])
      assert.equal(
        (await page.raw(onWire(`GET ${path}`, { host }))).status,
        host === 'a b' || host === '' ? 421 : 421,
        `${path} ${host}`,
      );
  for (const host of ['localhost', `127.0.0.1:${page.port}`, '[::1]:80', 'LOCALHOST.'])
    assert.equal((await page.raw(onWire('GET /api/v1/me', { host }))).status, 401, host);
});

test('a configured name is one to be asked by, and no other that ends like it', async (t) => {
  const page = await startPage(t, {
    ...NO_SERVERS,
    page: { ...DEFAULTS.page, names: ['ops.example'] },
  });
  const status = async (host: string) =>
    (await page.raw(onWire('GET /api/v1/me', { host }))).status;
  assert.equal(await status('ops.example'), 401);
  assert.equal(await status('xops.example'), 421);
});

test('nothing is changed by a request of another page', async (t) => {
  const page = await startPage(t);
  const host = `127.0.0.1:${page.port}`;
  const token = await page.signIn('operator');
  const post = async (headers: Record<string, string>) =>
    (
      await page.raw(
        onWire(
          'POST /api/v1/failures/count',
          { host, authorization: `Bearer ${token}`, 'content-type': json, ...headers },
          '{"flow": 1}',
        ),
      )
    ).status;
  const passed = 400;
  assert.equal(await post({ origin: `http://${host}` }), passed);
  assert.equal(await post({ 'sec-fetch-site': 'same-origin' }), passed);
  assert.equal(await post({}), 403, 'nobody says where it comes from');
  assert.equal(await post({ origin: 'http://evil.example' }), 403);
  assert.equal(
    await post({ origin: 'http://127.0.0.1:8233' }),
    403,
    'another port is another page',
  );
  assert.equal(await post({ origin: 'null' }), 403);
  assert.equal(await post({ 'sec-fetch-site': 'cross-site', origin: `http://${host}` }), 403);
  assert.equal(await post({ 'sec-fetch-site': 'same-site' }), 403);
  for (const type of [
    'text/plain',
    'application/x-www-form-urlencoded',
    'multipart/form-data; boundary=x',
    'application/jsonp',
  ])
    assert.equal(await post({ origin: `http://${host}`, 'content-type': type }), 415, type);
});

test('every answer says that it may not be framed, sniffed or fed with scripts', async (t) => {
  const page = await startPage(t);
  const host = `127.0.0.1:${page.port}`;
  const answers = [
    await page.raw(onWire('GET /', { host })),
    await page.raw(onWire('GET /api/v1/me', { host })),
    await page.raw(onWire('GET /nowhere', { host })),
    await page.raw(onWire('GET /', { host: 'evil.example' })),
    await page.raw(
      onWire('PUT /api/v1/me', { host, origin: `http://${host}`, 'content-type': json }, '{}'),
    ),
    await page.raw(onWire('OPTIONS /api/v1/pause', { host })),
  ];
  for (const { status, headers } of answers) {
    const policy = headers['content-security-policy'] ?? '';
    assert.match(
      policy,
      /default-src 'none'.*script-src 'self'.*frame-ancestors 'none'/,
      String(status),
    );
    assert.doesNotMatch(policy, /unsafe|\*/);
    assert.equal(headers['x-content-type-options'], 'nosniff');
    assert.equal(headers['cross-origin-resource-policy'], 'same-origin');
    assert.equal(headers['set-cookie'], undefined);
    assert.equal(headers['access-control-allow-origin'], undefined);
  }
});

test('no path leads out of the files of the page', async (t) => {
  const page = await startPage(t);
  const host = `127.0.0.1:${page.port}`;
  for (const path of [
    '/../package.json',
    '/%2e%2e/%2e%2e/package.json',
    '/..%2f..%2fpackage.json',
    '//etc/passwd',
    '/assets/..\\..\\package.json',
    '/%00',
    '/%',
    'http://evil.example/etc/passwd',
    '*',
  ]) {
    const { status, text } = await page.raw(onWire(`GET ${path}`, { host }));
    assert.ok(status === 404 || status === 400 || status === 200, `${path}: ${status}`);
    assert.doesNotMatch(text, /"dependencies"|root:/);
  }
});

test('a token is tried five times a minute, and then nobody of that address gets in', async (t) => {
  const page = await startPage(t);
  const open = (token: string) => page.ask('/api/v1/session', { method: 'POST', body: { token } });
  for (let n = 0; n < 5; n += 1) assert.equal((await open('wrong'.repeat(9))).status, 401);
  assert.equal((await open(page.secretOf('operator'))).status, 429);
});

test('what is too large or no JSON is refused with a problem', async (t) => {
  const page = await startPage(t);
  const token = await page.signIn('operator');
  const post = (body: unknown) => page.ask('/api/v1/pause', { method: 'POST', token, body });
  const large = await post({ flow: null, reason: 'x'.repeat(70_000) });
  assert.equal(large.status, 413);
  assert.match(large.headers.get('content-type') ?? '', /problem\+json/);
  const { status, json: problem } = await post({ flow: null, more: 1 });
  assert.equal(status, 400);
  assert.ok(typeof problem === 'object' && problem !== null && 'errors' in problem);
  const reasonless = await post({ flow: null, reason: '   ' });
  assert.equal(reasonless.status, 400);
  const keyless = await page.ask('/api/v1/pause', {
    ...{ method: 'POST', token, body: { flow: null, reason: 'r' } },
    headers: { 'idempotency-key': 'x' },
  });
  assert.equal(keyless.status, 400);
  const unquoted = await page.ask('/api/v1/limits', {
    ...{ method: 'POST', token, body: { values: {}, unset: [], reason: 'r' } },
    headers: { 'if-match': '7' },
  });
  assert.equal(unquoted.status, 400);
});

test('sixty actions a minute are for all who have one token, whatever they call themselves', async (t) => {
  const secret = 's'.repeat(32);
  const shared: Key = { name: null, role: 'operator', mayReveal: false, secret };
  const page = await startPage(t, NO_SERVERS, [shared]);
  const signIn = async (name: string) => {
    const body = { token: secret, name };
    return session.parse((await page.ask('/api/v1/session', { method: 'POST', body })).json).token;
  };
  const act = async (token: string | null) =>
    (
      await page.ask('/api/v1/pause', {
        ...{ method: 'POST', body: { flow: null } },
        ...(token === null ? {} : { token }),
      })
    ).status;
  const ana = await signIn('ana');
  for (let n = 0; n < 60; n += 1) assert.equal(await act(ana), 400);
  assert.equal(await act(ana), 429);
  assert.equal(await act(await signIn('rui')), 429);
  assert.equal(await act(await page.signIn('operator')), 400);
});

const others = {
  ...{ config: NO_SERVERS, host: '0.0.0.0', port: 0, environment: null, log: silent },
  starter: 'me',
};

test('started with defaults, another address than loopback gets nothing', async () => {
  await assert.rejects(
    servePage({ ...others, keys: [] }),
    /set PAGE_TOKEN or PAGE_VIEW_TOKEN, or page\.proxy/,
  );
});

test('where other machines can ask, and behind a proxy, no token of this start signs anybody in', async (t) => {
  const key = { name: null, role: 'operator', mayReveal: false, secret: 'o'.repeat(32) } as const;
  const open = await servePage({ ...others, keys: [key] });
  atEnd(t, () => open.close());
  assert.equal(open.token, null);
  const proxy = { ...DEFAULTS.page.proxy, addresses: ['10.0.0.7'], operators: ['ops'] };
  const config = { ...NO_SERVERS, page: { names: [], proxy } };
  assert.equal((await startPage(t, config)).token, null);
  assert.notEqual((await startPage(t)).token, null);
});

test('whoever has a token that others have, too, says who he is', async (t) => {
  const secret = 's'.repeat(32);
  const shared: Key = { name: null, role: 'operator', mayReveal: false, secret };
  const page = await startPage(t, NO_SERVERS, [shared]);
  const open = (body: object) => page.ask('/api/v1/session', { method: 'POST', body });
  const nameless = await open({ token: secret });
  assert.equal(nameless.status, 422);
  assert.match(nameless.text, /Say who you are/);
  const { json } = await open({ token: secret, name: 'ana' });
  assert.equal(session.parse(json).me.name, 'ana');
});

test('nobody signs the others out, or takes all their streams, by signing in and looking again and again', async (t) => {
  const page = await startPage(t);
  const operator = await page.signIn('operator');
  for (let n = 0; n < 60; n += 1) await page.signIn('viewer');
  assert.equal((await page.ask('/api/v1/me', { token: operator })).status, 200);

  const viewer = await page.signIn('viewer');
  const [stop, stopOthers] = [new AbortController(), new AbortController()];
  atEnd(t, () => stopOthers.abort());
  /** One that nobody holds any more is closed when memory is tidied up. */
  const open: Response[] = [];
  const look = async (token: string, { signal } = stop) => {
    const headers = { authorization: `Bearer ${token}` };
    const answer = await fetch(`${page.url}/api/v1/live`, { headers, signal });
    open.push(answer);
    return answer.status;
  };
  for (let n = 0; n < 20; n += 1) assert.equal(await look(viewer), 200);
  assert.equal(await look(viewer), 429);
  assert.equal(await look(await page.signIn('viewer')), 429);
  assert.equal(await look(operator, stopOthers), 200);
  stop.abort();
  await eventually('who has gone leaves his place', async () =>
    assert.equal(await look(viewer, stopOthers), 200),
  );
});

test('headers of a proxy count from its addresses alone', async (t) => {
  const proxy = {
    ...DEFAULTS.page.proxy,
    operators: ['ops'],
    viewers: ['staff'],
    revealers: ['dpo'],
  };
  const asked = async (addresses: string[], groups: string, name = 'rui') => {
    const page = await startPage(t, {
      ...NO_SERVERS,
      page: { names: [], proxy: { ...proxy, addresses } },
    });
    const headers = { 'x-forwarded-user': name, 'x-forwarded-groups': groups };
    const { status, json: me } = await page.ask('/api/v1/me', { headers });
    return typeof me === 'object' && me !== null && 'role' in me ? me.role : status;
  };
  assert.equal(await asked(['127.0.0.1'], 'x, ops'), 'operator');
  assert.equal(await asked(['127.0.0.0/8'], 'staff'), 'viewer');
  assert.equal(await asked(['127.0.0.1'], 'ops-of-others'), 401);
  assert.equal(await asked(['127.0.0.1'], 'ops', ''), 401);
  assert.equal(await asked(['10.0.0.7'], 'ops'), 401);
});
