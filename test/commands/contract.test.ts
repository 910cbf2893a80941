/** `despachante contract`: answers read without anything being sent, and one registration filed for real. */
import assert from 'node:assert/strict';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { test, type TestContext } from 'node:test';
import { gzipSync } from 'node:zlib';
import { recordedAnswer } from '../../src/registrations/recorded.ts';
import { emptyFolder, run } from './cli.ts';
import { presetSystem } from '../helpers/preset-systems.ts';
import { testDatabase } from '../helpers/servers.ts';
import { http, socketSystem } from '../helpers/socket-system.ts';
import { storedClaim } from '../helpers/stored.ts';
import { webServer } from '../helpers/web-server.ts';

const CONFIG = `legacy:
  preset: location-202
  headers: { X-Api-Key: { env: OFFICE_KEY } }
  timeout: 2s
  expectedLatency: { min: 10ms, max: 50ms }
`;
const KEY = 's3cret-of-the-office';

function placeOf(t: TestContext, LEGACY_URL: string) {
  const cwd = emptyFolder(t);
  writeFileSync(join(cwd, 'despachante.yaml'), CONFIG);
  const env = { LEGACY_URL, OFFICE_KEY: KEY };
  return {
    file: (name: string, bytes: string | Buffer) => writeFileSync(join(cwd, name), bytes),
    run: (args: string[], input = '') => run(['contract', ...args], { cwd, env, input }),
  };
}

test('explain reads recorded answers to a POST, a GET, a result and a look-up, and says why', async (t) => {
  const place = placeOf(t, 'http://127.0.0.1:9/api');
  place.file('post.http', 'HTTP/1.1 202 Accepted\r\nLocation: /api/registrations/7\r\n\r\n');
  place.file('bare.http', 'HTTP/2 202 \r\ncontent-type: text/html\r\n\r\n<html>');
  const { code, stdout } = await place.run(['explain', 'post.http', 'bare.http']);
  assert.equal(code, 0);
  assert.match(stdout, /post\.http: accepted: .*requestId "7".*\n.*the default for 2xx/);
  assert.match(stdout, /in the header Location/);
  assert.match(stdout, /bare\.http: in doubt: .*without a readable request id/);
  place.file('get.http', 'HTTP/1.1 303 See Other\nLocation: http://127.0.0.1:9/results/7\n\n');
  const get = await place.run(['explain', 'get.http', '--get', '7', '--json']);
  assert.deepEqual(JSON.parse(get.stdout), [
    {
      file: 'get.http',
      reading: { kind: 'result', path: '/results/7' },
      because: 'HTTP 303 means result (configured for 303)',
    },
  ]);
  place.file('result.http', 'HTTP/1.1 200 OK\n\n{"status":"failed","reason":"no"}');
  assert.match((await place.run(['explain', 'result.http', '--result'])).stdout, /failed: .*"no"/);
  place.file('other.http', 'HTTP/1.1 200 OK\n\n{"id":"8","status":"done"}');
  assert.match((await place.run(['explain', 'other.http', '--result'])).stdout, /: done: /);
  const another = await place.run(['explain', 'other.http', '--result', '7']);
  assert.match(another.stdout, /unreadable: .*another request/);
  assert.match(
    (await place.run(['explain', 'result.http', '--look-up', 'a'])).stdout,
    /unreadable.*\n.*externalId/,
  );
  for (const [file, args] of [
    ['none.http', []],
    ['get.http', ['--get', '--post']],
  ] as const)
    assert.equal((await place.run(['explain', file, ...args])).code, 2, file);
});

test('a recorded answer is the last in its file, packed or unpacked by curl', () => {
  const read = (text: string | Buffer) => recordedAnswer(Buffer.from(text), 1_000);
  const head = 'HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 200 OK\r\nContent-Encoding: gzip\r\n\r\n';
  assert.deepEqual(read(`${head}{"id":7}`).read().json, { id: 7 });
  const packed = Buffer.concat([Buffer.from(head), gzipSync('{"id":8}')]);
  assert.deepEqual(read(packed).read().json, { id: 8 });
  assert.equal(read('HTTP/1.1 204 No Content\r\nA: b').headers['a'], 'b');
  assert.throws(() => read('{"id":7}'), /curl -i/);
});

test('try sends nothing without a yes, and says what it would do', async (t) => {
  const system = await presetSystem(t, 'location-202');
  const place = placeOf(t, system.url);
  const { code, stderr } = await place.run(['try', '--id', 'ana'], '{"id":"ana"}');
  assert.equal(code, 2);
  assert.match(stderr, /would file ana for real, by POST http:.*say --yes.*Nothing was sent/);
  assert.equal(system.heard.length, 0);
});

test('try files one registration once and shows every request, answer and reading, without secrets', async (t) => {
  const system = await presetSystem(t, 'location-202');
  const place = placeOf(t, system.url);
  place.file('ana.json', '{"id":"ana"}');
  const { code, stdout, stderr } = await place.run(['try', 'ana.json', '--id', 'ana', '--yes']);
  assert.equal(code, 0, stderr + stdout);
  assert.match(stderr, /Filing ana for real: POST/);
  assert.deepEqual(
    [...stdout.matchAll(/^> ([A-Z]+ \S+)/gm)].map(([, request]) => request),
    [
      'POST /registrations',
      'GET /registrations/1000',
      'GET /registrations/1000',
      'GET /results/1000',
    ],
  );
  assert.match(stdout, /Registered, under the request id 1000/);
  assert.ok(!stdout.includes(KEY) && stdout.includes('x-api-key: ***'), stdout);
  assert.equal(system.heard[0]?.headers.get('x-api-key'), KEY);
  assert.deepEqual(system.filedAs('ana'), ['1000']);

  const refused = await place.run(
    ['try', '--id', 'refused-1', '--yes', '--json'],
    '{"id":"refused-1"}',
  );
  assert.equal(refused.code, 3);
  const lines = refused.stdout.trim().split('\n');
  assert.deepEqual(JSON.parse(lines.at(-1) ?? ''), {
    kind: 'refused',
    reason: 'unknown municipality',
  });
});

test('try sends nothing that the intake would refuse, that has another id, or that the queue has brought', async (t) => {
  const system = await presetSystem(t, 'location-202');
  const place = placeOf(t, system.url);
  for (const [body, why] of [
    ['{"id":"bea"}', /registration bea, and --id says ana\. Nothing was sent/],
    ['{"id":', /malformed \(not JSON\)\. Nothing was sent/],
    ['{"id":"ana","id":"bea"}', /given twice/],
  ] as const) {
    const { code, stderr } = await place.run(['try', '--id', 'ana', '--yes'], body);
    assert.equal(code, 2, stderr);
    assert.match(stderr, why);
  }
  const { db, claims } = await testDatabase(t);
  await claims.insert([storedClaim('ana')]);
  place.file('despachante.yaml', `${CONFIG}mongodb: { database: ${db.databaseName} }\n`);
  const taken = await place.run(['try', '--id', 'ana', '--yes'], '{"id":"ana"}');
  assert.equal(taken.code, 2);
  assert.match(taken.stderr, /ana was taken from the queue already.*--again.*Nothing was sent/);
  assert.equal(system.heard.length, 0);
  const again = await place.run(['try', '--id', 'ana', '--yes', '--again'], '{"id":"ana"}');
  assert.equal(again.code, 0, again.stderr);
  assert.match(system.heard[0]?.headers.get('idempotency-key') ?? '', /^try~/);
});

test('try takes an id of hexadecimal digits in either case, and looks for it as the registration has it', async (t) => {
  const system = await socketSystem(t, ({ method }) => (method === 'POST' ? null : http(200, [])));
  const place = placeOf(t, system.url);
  const more = '  lookup: { path: "/find?id={id}" }\nmongodb: { matchType: uuid }\n';
  place.file('despachante.yaml', CONFIG + more);
  const id = '01234567-89AB-cdef-0123-456789abcdef';
  const body = JSON.stringify({ id });
  const { stdout, stderr } = await place.run(['try', '--id', id.toUpperCase(), '--yes'], body);
  assert.match(stdout, /look-up does not find it/, stderr);
  assert.deepEqual(
    system.heard.map(({ target }) => target),
    ['/registrations', `/find?id=${id}`],
  );
});

test('try shows an answer as it was written, unpacked', async (t) => {
  const written = '{"id": 9007199254740993, "name": "José"}';
  const packed = gzipSync(Buffer.from(written, 'latin1'));
  const headers = {
    'Content-Type': 'application/json; charset=latin1',
    'Content-Encoding': 'gzip',
  };
  const system = await webServer(t, ({ method }, response) => {
    if (method === 'POST') response.writeHead(200, headers).end(packed);
    else response.writeHead(404).end();
  });
  const place = placeOf(t, system.url);
  const { stdout } = await place.run(['try', '--id', 'ana', '--yes'], '{"id":"ana"}');
  assert.ok(stdout.includes(written), stdout);
});

test('try never sends a second time: a lost answer, and one that is not read, are in doubt', async (t) => {
  let isLost = true;
  const system = await socketSystem(t, () => (isLost ? null : http(200, '<html>')));
  const place = placeOf(t, system.url);
  for (isLost of [true, false]) {
    const { code, stdout } = await place.run(['try', '--id', 'ana', '--yes'], '{"id":"ana"}');
    assert.equal(code, 3);
    assert.match(stdout, /In doubt: .*Look there before it is sent again/);
  }
  assert.equal(system.heard.length, 2);
});
