import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { TestContext } from 'node:test';
import { DEFAULTS } from '../../src/config/schema.ts';
import type { Config } from '../../src/config/schema.ts';
import { fetchFilings } from '../../src/audit/ledgers.ts';
import { diagnoseLegacy } from '../../src/doctor/legacy.ts';
import type { Heard } from '../../src/domain/registrations/statuses.ts';
import { createLegacy } from '../../src/registrations/legacy.ts';
import { NOBODY } from '../helpers/activities.ts';
import { certificateAuthority } from '../helpers/certificates.ts';
import { testConfig } from '../helpers/configuration.ts';
import { rawServer } from '../helpers/raw-server.ts';
import { json, webServer } from '../helpers/web-server.ts';
import { atEnd } from '../helpers/servers.ts';
import { behindMutualTls } from '../helpers/tls-proxy.ts';

const SHORT = 300;
const { submit } = DEFAULTS.legacy;

function legacyAt(
  t: TestContext,
  legacyUrl: string,
  legacy: Partial<Config['legacy']> = {},
  legacyAuthorization: string | null = null,
) {
  const client = createLegacy(
    testConfig({ legacyUrl, legacyAuthorization, legacy: { timeout: SHORT, ...legacy } }),
  );
  atEnd(t, () => client.close());
  return client;
}

/** A client, and what it tells of how the system is. */
function observedAt(t: TestContext, legacyUrl: string, legacy: Partial<Config['legacy']> = {}) {
  const told: { heard: Heard; reason: string }[] = [];
  const config = testConfig({ legacyUrl, legacy: { timeout: SHORT, ...legacy } });
  const client = createLegacy(config, {
    observe: (heard, reason) => void told.push({ heard, reason }),
  });
  atEnd(t, () => client.close());
  return { client, told };
}

const body = Buffer.from('{"id":"ana-1"}');

test('a conflict refuses a POST, but one that is repeated after a lost answer waits for the first', async (t) => {
  const server = await webServer(t, (_, response) =>
    json(response, 409, { reason: 'in progress' }),
  );
  const repeating = legacyAt(t, server.url, { timeout: 5_000, onUnknown: 'resubmit' });
  const kindOf = async (legacy: ReturnType<typeof legacyAt>, isRepeated: boolean) =>
    (await legacy.submit(body, 'key-1', () => true, isRepeated)).kind;
  assert.equal(await kindOf(repeating, false), 'refused');
  assert.equal(await kindOf(repeating, true), 'not-accepted');
  assert.equal(
    await kindOf(legacyAt(t, server.url, { timeout: 5_000 }), true),
    'refused',
    'a person had it sent again',
  );
  const statuses = { '409': 'refused' } as const;
  const told = legacyAt(t, server.url, {
    timeout: 5_000,
    onUnknown: 'resubmit',
    submit: { ...submit, statuses },
  });
  assert.equal(await kindOf(told, true), 'refused', 'as it is configured');
});

test('an answer that is lost counts as such only where it leaves a doubt', async (t) => {
  const server = await webServer(t, (_, __, wire) => void wire.destroy());
  for (const [onUnknown, heard] of [
    ['ask', 'lost'],
    ['lookup', 'lost'],
    ['resubmit', 'trouble'],
  ] as const) {
    const { client, told } = observedAt(t, server.url, { onUnknown });
    assert.equal((await client.submit(body, 'key-1')).kind, 'unknown');
    assert.deepEqual(
      told.map((each) => each.heard),
      [heard],
    );
  }
});

test('a submission is a POST of the bytes to the configured path, with key and authorization', async (t) => {
  const server = await webServer(t, (_, response) => json(response, 201, { id: 'AB583C-X' }));
  const legacy = legacyAt(
    t,
    `${server.url}/cadastro/v2/`,
    { submit: { ...submit, path: '/novos?origem=fila' } },
    'Bearer s3cret',
  );
  assert.deepEqual(await legacy.submit(body, 'key-1'), { kind: 'accepted', requestId: 'AB583C-X' });
  const [seen] = server.seen;
  assert.equal(seen?.method, 'POST');
  assert.equal(seen.path, '/cadastro/v2/novos?origem=fila', 'the path of LEGACY_URL comes first');
  assert.equal(seen.body, body.toString());
  assert.equal(seen.headers['idempotency-key'], 'key-1');
  assert.equal(seen.headers.authorization, 'Bearer s3cret');
  assert.equal(seen.headers['content-length'], String(body.length));
});

test('a poll is a GET of the configured path, with authorization and without a body', async (t) => {
  const server = await webServer(t, (_, response) =>
    json(response, 200, { id: 'AB583C-X', status: 'done' }),
  );
  const legacy = legacyAt(t, `${server.url}/v2`, {}, 'Basic eHl6');
  assert.deepEqual(await legacy.status('AB583C-X'), { kind: 'done' });
  const [seen] = server.seen;
  assert.deepEqual([seen?.method, seen?.path], ['GET', '/v2/registrations/AB583C-X']);
  assert.equal(seen?.headers.authorization, 'Basic eHl6');
  assert.equal(seen?.body, '');
});

test('without an authorization none is sent', async (t) => {
  const server = await webServer(t, (_, response) => json(response, 201, { id: 'A-1' }));
  await legacyAt(t, server.url).submit(body, 'k');
  assert.equal(server.seen[0]?.headers.authorization, undefined);
});

test('connections are kept alive and used again', async (t) => {
  const ports = new Set<number | undefined>();
  const server = await webServer(t, (_, response, wire) => {
    ports.add(wire.socket.remotePort);
    json(response, 200, { id: 'A-1', status: 'done' });
  });
  const legacy = legacyAt(t, server.url);
  for (let n = 0; n < 20; n++) await legacy.status('A-1');
  // Two, as the client has a connection back a moment after its answer.
  assert.ok(ports.size <= 2, `${ports.size} connections for 20 requests`);
});

test('no redirect is followed, neither of a POST nor of a GET', async (t) => {
  const target = await webServer(t, (_, response) => json(response, 201, { id: 'A-1' }));
  const server = await webServer(t, (_, response) => {
    response.writeHead(302, { location: target.url }).end();
  });
  const legacy = legacyAt(t, server.url);
  assert.equal((await legacy.submit(body, 'k')).kind, 'unknown');
  assert.equal((await legacy.status('A-1')).kind, 'unreadable');
  assert.equal(target.seen.length, 0);
});

test('the statuses that mean something else here are configuration', async (t) => {
  const server = await webServer(t, (_, response) =>
    json(response, 409, { id: 'A-1', reason: 'exists' }),
  );
  assert.deepEqual(await legacyAt(t, server.url).submit(body, 'k'), {
    kind: 'refused',
    reason: 'exists',
  });
  const lenient = legacyAt(t, server.url, {
    submit: { ...submit, statuses: { '409': 'accepted' } },
  });
  assert.deepEqual(await lenient.submit(body, 'k'), { kind: 'accepted', requestId: 'A-1' });
});

test('a redirect of a POST, as after a web form, leaves open whether it was filed: 303, 302, even 304', async (t) => {
  let status = 303;
  const server = await webServer(t, (_, response) => {
    response.writeHead(status, { location: '/registrations/7' }).end();
  });
  const { client, told } = observedAt(t, server.url, { timeout: 5_000 });
  for (status of [300, 301, 302, 303, 304, 307, 308]) {
    const reason = `HTTP ${status}`;
    assert.deepEqual(await client.submit(body, 'k'), { kind: 'unknown', reason });
    assert.deepEqual(told.splice(0), [{ heard: 'lost', reason }]);
  }
});

test('a status that speaks of the address or the credentials refuses nothing: it is tried again, and told with its remedy', async (t) => {
  let status = 401;
  const server = await webServer(t, (_, response) =>
    json(response, status, { reason: 'Ana Souza has no access' }, { 'retry-after': '3' }),
  );
  const { client, told } = observedAt(t, server.url, { timeout: 5_000 });
  for (status of [401, 403, 405, 407, 421, 426, 501, 511]) {
    const result = await client.submit(body, 'k');
    assert.ok(result.kind === 'not-accepted', `${status}: ${result.kind}`);
    assert.equal(result.retryAfter, 3_000);
    const [heard] = told.splice(0);
    assert.deepEqual(heard, { heard: 'misconfigured', reason: result.reason });
    assert.match(result.reason, new RegExp(`^HTTP ${status}: check `));
    assert.doesNotMatch(result.reason, /Ana/);
  }
});

test('a bare 404 is that of a proxy, or of another application', async (t) => {
  let answer = '';
  const server = await webServer(t, (_, response) => response.writeHead(404).end(answer));
  const { client, told } = observedAt(t, server.url, { timeout: 5_000 });
  for (answer of ['', '{}', '<html>Not Found</html>', '{"reason":" "}', '{"reason":7}', '[]']) {
    assert.equal((await client.submit(body, 'k')).kind, 'not-accepted', answer);
    assert.deepEqual(
      told.splice(0).map(({ heard }) => heard),
      ['misconfigured'],
    );
  }
});

for (const [whose, answer] of [
  ['Kong', { message: 'no Route matched with those values' }],
  ['NestJS', { statusCode: 404, message: 'Cannot POST /registrations', error: 'Not Found' }],
  [
    'Spring',
    {
      timestamp: '2026-11-27T07:00:00.000+00:00',
      status: 404,
      error: 'Not Found',
      message: 'No message available',
      path: '/registrations',
    },
  ],
] as const) {
  test(`a 404 with which ${whose} answers while the application is away refuses twenty at most, and is trouble`, async (t) => {
    let isAway = false;
    const server = await webServer(t, (_, response) =>
      isAway ? json(response, 404, answer) : json(response, 201, { id: 'A-1' }),
    );
    const legacy = { timeout: 5_000, submit: { ...submit, reason: '/message' } };
    const { client, told } = observedAt(t, server.url, legacy);
    const kinds = async (keys: string[]) => {
      const results = await Promise.all(keys.map((key) => client.submit(body, key)));
      return results.map(({ kind }) => kind);
    };
    const keys = Array.from({ length: 30 }, (_, n) => `k-${n}`);
    assert.deepEqual(await kinds(['before']), ['accepted']);
    told.splice(0);
    isAway = true;
    const first = await kinds(keys);
    assert.equal(first.filter((kind) => kind === 'refused').length, 20);
    const others = Array<string>(10).fill('not-accepted');
    assert.deepEqual(
      first.filter((kind) => kind !== 'refused'),
      others,
    );
    assert.deepEqual(await kinds(keys.slice(20)), others);
    const troubles = told.filter(({ heard }) => heard === 'perhaps-misconfigured');
    assert.equal(troubles.length, 20);
    assert.match(troubles[0]?.reason ?? '', /^HTTP 404: check LEGACY_URL.* is up$/);
    isAway = false;
    assert.deepEqual(new Set(await kinds(keys.slice(20))), new Set(['accepted']));
  });
}

test('a 404 that says why is a refusal, of a system that is well', async (t) => {
  const reason = 'Ana Souza: município desconhecido';
  const server = await webServer(t, (_, response) => json(response, 404, { reason }));
  const { client, told } = observedAt(t, server.url, { timeout: 5_000 });
  assert.deepEqual(await client.submit(body, 'ana'), { kind: 'refused', reason });
  assert.deepEqual(told, [{ heard: 'well', reason: '' }]);
  for (let n = 0; n < 19; n++) await client.submit(body, `k-${n}`);
  assert.deepEqual(await client.submit(body, 'eva'), {
    kind: 'not-accepted',
    reason: `HTTP 404: check LEGACY_URL and the paths of the section legacy, and that the application is up; it says: ${reason}`,
    retryAfter: null,
  });
  assert.doesNotMatch(JSON.stringify(told), /Ana/);
});

test('no status but a 2xx ever ends a registration that is polled or looked up, nor says that it is not there but those declared', async (t) => {
  let status = 200;
  const server = await webServer(t, (_, response) =>
    response.writeHead(status, { location: '/elsewhere' }).end('{"status":"failed","reason":"x"}'),
  );
  const lookup = { ...DEFAULTS.legacy.lookup, path: '/registrations?externalId={id}' };
  const legacy = legacyAt(t, server.url, { timeout: 5_000, lookup });
  for (status = 300; status < 600; status++) {
    assert.equal((await legacy.status('A-1')).kind, 'unreadable', String(status));
    const looked = await legacy.lookUp('ana-1');
    assert.equal(looked.kind, status === 404 ? 'absent' : 'unreadable', String(status));
  }
});

test('a look-up answered with nothing to read is unreadable: 204, an empty body, a page', async (t) => {
  let answer: [number, string] = [204, ''];
  const server = await webServer(t, (_, response) => {
    response.writeHead(answer[0]).end(answer[1]);
  });
  const lookup = { ...DEFAULTS.legacy.lookup, path: '/registrations?externalId={id}' };
  const legacy = legacyAt(t, server.url, { timeout: 5_000, lookup });
  const answers: [number, string][] = [
    [204, ''],
    [205, ''],
    [200, ''],
    [200, '<html></html>'],
    [200, 'null'],
    [200, '""'],
    [200, '{}'],
  ];
  for (answer of answers) {
    assert.equal((await legacy.lookUp('ana-1')).kind, 'unreadable', answer.join());
  }
});

test('an id that leads elsewhere is asked for nowhere: no request id, no registration id', async (t) => {
  let id = '..';
  const server = await webServer(t, ({ method }, response) =>
    method === 'POST' ? json(response, 201, { id }) : json(response, 404, {}),
  );
  const lookup = { ...DEFAULTS.legacy.lookup, path: '/by-ref/{id}' };
  const requestIdPattern = '^[^]*$';
  const legacy = legacyAt(t, server.url, { timeout: 5_000, requestIdPattern, lookup });
  const hostile = [
    '.',
    '..',
    '%2e%2e',
    '%252E.',
    'a/../b',
    '..\\b',
    '.\t.',
    ' .. ',
    '..;x',
    '',
    ' ',
  ];
  for (id of [...hostile, '\ud800']) {
    assert.equal((await legacy.submit(body, 'k')).kind, 'unknown', JSON.stringify(id));
    assert.equal((await legacy.status(id)).kind, 'unreadable', JSON.stringify(id));
    assert.equal((await legacy.lookUp(id)).kind, 'unreadable', JSON.stringify(id));
  }
  assert.deepEqual(
    server.seen.filter(({ method }) => method === 'GET'),
    [],
  );
  for (id of ['a..b', '...', 'A/7', 'a?b#c', 'a//b', 'x'.repeat(1_000)]) {
    assert.equal((await legacy.submit(body, 'k')).kind, 'accepted', id);
    await legacy.status(id);
    assert.equal(server.seen.at(-1)?.path, `/registrations/${encodeURIComponent(id)}`);
  }
  id = 'x'.repeat(1_001);
  assert.equal((await legacy.submit(body, 'k')).kind, 'unknown', 'longer than a path may be');
});

test('a look-up that brings a request id which leads elsewhere is unreadable', async (t) => {
  const server = await webServer(t, (_, response) =>
    json(response, 200, [{ id: '..', externalId: 'ana-1' }]),
  );
  const lookup = { ...DEFAULTS.legacy.lookup, path: '/registrations?externalId={id}' };
  const legacy = legacyAt(t, server.url, { timeout: 5_000, lookup });
  assert.equal((await legacy.lookUp('ana-1')).kind, 'unreadable');
});

test('a 404 to an id that stands encoded in the path proves nothing: many servers answer so to any', async (t) => {
  const server = await webServer(t, (_, response) => json(response, 404, {}));
  const at = (path: string) =>
    legacyAt(t, server.url, { timeout: 5_000, lookup: { ...DEFAULTS.legacy.lookup, path } });
  assert.equal((await at('/by-ref/{id}').lookUp('a/b')).kind, 'unreadable');
  assert.equal((await at('/by-ref/{id}').lookUp('josé')).kind, 'unreadable');
  assert.equal((await at('/by-ref/{id}').lookUp('a-b')).kind, 'absent');
  assert.equal((await at('/by-ref?id={id}').lookUp('a/b')).kind, 'absent');
});

test('a pattern that is open at an end in spite of its signs, or that takes for ever, lets no request id through', async (t) => {
  let id = '';
  const server = await webServer(t, (_, response) => json(response, 201, { id }));
  const at = (requestIdPattern: string) =>
    legacyAt(t, server.url, { timeout: 5_000, requestIdPattern });
  for (const [pattern, sent, kind] of [
    ['^A|B$', 'A/x', 'unknown'],
    ['^A|B$', 'A', 'accepted'],
    ['^A\\$', 'A$x', 'unknown'],
    ['^(a+)+$', `${'a'.repeat(60)}!`, 'unknown'],
    ['^(\\w+\\s?)*$', `${'a'.repeat(60)}!`, 'unknown'],
  ] as const) {
    id = sent;
    assert.equal((await at(pattern).submit(body, 'k')).kind, kind, `${pattern} ${sent}`);
  }
});

test('a reason of the legacy system is cut at 500 characters, and without one the status is told', async (t) => {
  const server = await webServer(t, ({ headers }, response) =>
    json(response, 422, headers['idempotency-key'] === 'long' ? { reason: 'x'.repeat(900) } : {}),
  );
  const legacy = legacyAt(t, server.url);
  const long = await legacy.submit(body, 'long');
  assert.equal(long.kind === 'refused' && long.reason.length, 500);
  assert.deepEqual(await legacy.submit(body, 'none'), { kind: 'refused', reason: 'HTTP 422' });
});

test('who may no longer send when the connection stands sends no byte', async (t) => {
  const { url, heard } = await rawServer(t, () => {});
  let asked = 0;
  const maySend = () => (asked += 1) === 1;
  assert.deepEqual(await legacyAt(t, url).submit(body, 'k', maySend), {
    kind: 'not-accepted',
    reason: 'the worker was stopping',
    retryAfter: null,
  });
  assert.equal(asked, 2);
  assert.equal(heard(), '');
});

test('of a POST in trouble only the status is told on: the words of its answer, which may be about people, stay in the result', async (t) => {
  const reason = 'Ana Souza, CPF 111.444.777-35, is known already';
  let status = 500;
  const server = await webServer(t, (_, response) => json(response, status, { reason }));
  const { client, told } = observedAt(t, server.url, { timeout: 5_000 });
  assert.deepEqual(await client.submit(body, 'k'), { kind: 'unknown', reason });
  status = 503;
  const turnedAway = { kind: 'not-accepted', reason, retryAfter: null };
  assert.deepEqual(await client.submit(body, 'k'), turnedAway);
  status = 422;
  assert.deepEqual(await client.submit(body, 'k'), { kind: 'refused', reason });
  assert.deepEqual(told, [
    { heard: 'lost', reason: 'HTTP 500' },
    { heard: 'trouble', reason: 'HTTP 503' },
    { heard: 'well', reason: '' },
  ]);
});

test('a submission that we withhold ourselves says nothing of the legacy system, one that finds nobody does', async (t) => {
  const server = await webServer(t, (_, response) => json(response, 201, { id: 'A-1' }));
  const { client, told } = observedAt(t, server.url, { timeout: 5_000 });
  const withheld = { kind: 'not-accepted', reason: 'the worker was stopping', retryAfter: null };
  assert.deepEqual(await client.submit(body, 'at once', () => false), withheld);
  let asked = 0;
  const whenItStands = await client.submit(body, 'later', () => (asked += 1) === 1);
  assert.deepEqual([whenItStands, asked], [withheld, 2]);
  assert.deepEqual(told, []);
  assert.equal(server.seen.length, 0);
  const nobody = observedAt(t, NOBODY, { timeout: 5_000 });
  assert.equal((await nobody.client.submit(body, 'k')).kind, 'not-accepted');
  assert.equal(nobody.told.length, 1);
  assert.equal(nobody.told[0]?.heard, 'trouble');
});

test('a look-up is heard as well: a readable answer says that the legacy system is well, whatever it found', async (t) => {
  let status = 200;
  let found: unknown = [{ id: 'A-1', externalId: 'ana-1' }];
  const server = await webServer(t, (_, response) => json(response, status, found));
  const lookup = { ...DEFAULTS.legacy.lookup, path: '/registrations?externalId={id}' };
  const { client, told } = observedAt(t, server.url, { timeout: 5_000, lookup });
  const heard = async () => {
    const { kind } = await client.lookUp('ana-1');
    return { kind, told: told.splice(0) };
  };
  const well = [{ heard: 'well', reason: 'HTTP 200' }];
  assert.deepEqual(await heard(), { kind: 'found', told: well });
  found = [];
  assert.deepEqual(await heard(), { kind: 'absent', told: well });
  found = 'what is this?';
  assert.deepEqual(await heard(), { kind: 'unreadable', told: well });
  status = 503;
  const trouble = [{ heard: 'trouble', reason: 'HTTP 503' }];
  assert.deepEqual(await heard(), { kind: 'unreadable', told: trouble });
  await server.stop();
  const { kind, told: silence } = await heard();
  assert.deepEqual([kind, silence.map(({ heard: how }) => how)], ['unreadable', ['trouble']]);
});

test('not sent: nobody listens, or the name is unknown', async (t) => {
  for (const url of [NOBODY, 'http://no-such-host.invalid']) {
    const result = await legacyAt(t, url, { timeout: 10_000 }).submit(body, 'k');
    assert.ok(result.kind === 'not-accepted', JSON.stringify(result));
    assert.match(result.reason, /ECONNREFUSED|ENOTFOUND|EAI_AGAIN/);
    assert.equal(result.retryAfter, null);
  }
});

test('not sent: a connection that does not stand within the deadline', async (t) => {
  // It takes the connection and never says a word of TLS.
  const { url } = await rawServer(t, () => {});
  const legacy = legacyAt(t, url.replace('http:', 'https:'));
  assert.equal((await legacy.submit(body, 'k')).kind, 'not-accepted');
});

test('lost: a connection that is cut when the request has been read', async (t) => {
  const { url } = await rawServer(t, (socket) => socket.once('data', () => socket.destroy()));
  assert.equal((await legacyAt(t, url).submit(body, 'k')).kind, 'unknown');
});

test('lost: a connection that is cut in the middle of the answer', async (t) => {
  const { url } = await rawServer(t, (socket) =>
    socket.once('data', () =>
      socket.end('HTTP/1.1 201 Created\r\ncontent-length: 100\r\n\r\n{"id":"A-1"'),
    ),
  );
  assert.equal((await legacyAt(t, url).submit(body, 'k')).kind, 'unknown');
});

test('lost: an answer that is no HTTP', async (t) => {
  const { url } = await rawServer(t, (socket) =>
    socket.once('data', () => socket.end('OK 123\r\n')),
  );
  assert.equal((await legacyAt(t, url).submit(body, 'k')).kind, 'unknown');
});

test('lost: no answer within the deadline, which counts from end to end and not from byte to byte', async (t) => {
  const timers: NodeJS.Timeout[] = [];
  const server = await webServer(t, (_, response) => {
    response.writeHead(201, { 'content-type': 'application/json' });
    timers.push(setInterval(() => response.write(' '), 20));
  });
  atEnd(t, () => timers.forEach((timer) => clearInterval(timer)));
  const result = await legacyAt(t, server.url).submit(body, 'k');
  assert.ok(result.kind === 'unknown');
  assert.match(result.reason, new RegExp(`no answer within ${SHORT} ms`));
});

test('an answer larger than the limit is unknown for a POST and unreadable for a GET', async (t) => {
  const server = await webServer(t, (_, response) =>
    json(response, 201, { id: 'A-1', status: 'done', padding: 'x'.repeat(5_000) }),
  );
  const legacy = legacyAt(t, server.url, { maxResponseBytes: 1024 });
  const posted = await legacy.submit(body, 'k');
  assert.equal(posted.kind, 'unknown');
  assert.equal((await legacy.status('A-1')).kind, 'unreadable');
  const enough = legacyAt(t, server.url, { maxResponseBytes: 8 * 1024 });
  assert.equal((await enough.submit(body, 'k')).kind, 'accepted');
});

test('headers larger than the client takes are unknown for a POST', async (t) => {
  const server = await webServer(t, (_, response) =>
    json(response, 201, { id: 'A-1' }, { 'x-large': 'x'.repeat(40_000) }),
  );
  assert.equal((await legacyAt(t, server.url).submit(body, 'k')).kind, 'unknown');
});

test('an early hint before the answer is no answer', async (t) => {
  const server = await webServer(t, (_, response) => {
    response.writeEarlyHints({ link: '</style.css>; rel=preload' });
    json(response, 201, { id: 'A-1' });
  });
  assert.deepEqual(await legacyAt(t, server.url).submit(body, 'k'), {
    kind: 'accepted',
    requestId: 'A-1',
  });
});

test('a request id must look as configured, since it goes into a path', async (t) => {
  const ids = ['A/B', '..', 'A B', '', 'x'.repeat(129), 'A?x=1', 'é'];
  const server = await webServer(t, ({ headers }, response) =>
    json(response, 201, { id: ids[Number(headers['idempotency-key'])] }),
  );
  const legacy = legacyAt(t, server.url);
  for (const [n, id] of ids.entries()) {
    if (id === '..') continue; // made of characters that are harmless one by one: encoded, it stays one segment
    assert.equal((await legacy.submit(body, String(n))).kind, 'unknown', id);
  }
  const strict = legacyAt(t, server.url, { requestIdPattern: '^A/B$' });
  assert.deepEqual(await strict.submit(body, '0'), { kind: 'accepted', requestId: 'A/B' });
});

test('Retry-After is read in any case of its name', async (t) => {
  const server = await webServer(t, (_, response) =>
    json(response, 429, {}, { 'RETRY-AFTER': '7' }),
  );
  const legacy = legacyAt(t, server.url);
  assert.deepEqual(await legacy.submit(body, 'k'), {
    kind: 'not-accepted',
    reason: 'HTTP 429',
    retryAfter: 7_000,
  });
  assert.deepEqual(await legacy.status('A-1'), {
    kind: 'unreadable',
    reason: 'HTTP 429',
    retryAfter: 7_000,
  });
});

test('no result is ever an exception: after close a submission is told as not sent', async (t) => {
  const legacy = legacyAt(t, NOBODY);
  await legacy.close();
  assert.equal((await legacy.submit(body, 'k')).kind, 'not-accepted');
});

test('over TLS 1.3 nothing is sent before the server has accepted our certificate', async (t) => {
  const server = await webServer(t, (_, response) => json(response, 201, { id: 'A-1' }));
  const { url, files } = await behindMutualTls(t, server);
  const { caFile } = files;
  const at = (tls: Config['legacy']['tls']) => legacyAt(t, url, { tls, timeout: 10_000 });
  const strange = certificateAuthority(t).issue('stranger');
  for (const tls of [
    { caFile, certFile: null, keyFile: null },
    { caFile, certFile: strange.certFile, keyFile: strange.keyFile },
  ]) {
    const refused = await at(tls).submit(body, 'k');
    assert.equal(refused.kind, 'not-accepted', JSON.stringify(refused));
  }
  assert.equal(server.seen.length, 0);
  const accepted = await at(files).submit(body, 'k');
  assert.deepEqual(accepted, { kind: 'accepted', requestId: 'A-1' });
});

test('nothing an answer says makes us ask another host, or another path: not in a header, not in a body, not as a request id', async (t) => {
  const elsewhere = await webServer(t, (_, response) => json(response, 200, { id: 'A-1' }));
  let status = 200;
  let id = 'A-1';
  const server = await webServer(t, (_, response) => {
    const to = `${elsewhere.url}/taken`;
    const named = ['location', 'content-location', 'refresh', 'link', 'alt-svc', 'uri'];
    for (const name of named) response.setHeader(name, name === 'refresh' ? `0; url=${to}` : to);
    json(response, status, { id, url: to, href: to, status: 'processing' });
  });
  const legacy = legacyAt(t, server.url, { timeout: 5_000 });
  const config = testConfig({ legacyUrl: server.url });
  for (status of [200, 201, 202, 300, 301, 302, 303, 304, 305, 307, 308, 401, 407, 421, 503]) {
    await legacy.submit(body, 'k');
    await legacy.status('A-1');
    await diagnoseLegacy(config);
    await fetchFilings(config);
  }
  status = 201;
  const { host } = new URL(elsewhere.url);
  for (id of [
    elsewhere.url,
    `//${host}/`,
    `/../../admin`,
    '.',
    '..',
    '%2e%2e%2fadmin',
    `@${host}`,
    `x?y=${host}`,
    'x#y',
    'a\r\nHost: evil',
    '\\\\evil\\share',
    'file:///etc/passwd',
    `http://169.254.169.254/latest`,
  ]) {
    const result = await legacy.submit(body, 'k');
    assert.equal(result.kind, 'unknown', id);
  }
  const lax = legacyAt(t, server.url, { timeout: 5_000, requestIdPattern: '^[^]*$' });
  const before = server.seen.length;
  await lax.status('/../../admin');
  assert.equal(server.seen.length, before, 'it is asked for nowhere');
  for (const hostile of [`//${host}/`, `@${host}`, 'x?y=1#z', 'a\r\nHost: evil']) {
    await lax.status(hostile);
    assert.equal(server.seen.at(-1)?.path, `/registrations/${encodeURIComponent(hostile)}`);
  }
  assert.equal(elsewhere.seen.length, 0);
  const paths = new Set(server.seen.map(({ path }) => path.split('/')[1]));
  assert.deepEqual([...paths].sort(), ['ledger', 'registrations']);
});
