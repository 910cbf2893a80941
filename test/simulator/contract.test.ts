import assert from 'node:assert/strict';
import { test } from 'node:test';
import { startSimulator } from '../../src/simulator/simulator.ts';
import { call, file, poll, post, simulatorFor } from './harness.ts';

test('a valid registration is answered 201 with a request id, and is done in the end', async (t) => {
  const simulator = await simulatorFor(t);
  const answer = await post(simulator, { id: 'r-1', name: 'Ana' });
  assert.equal(answer.status, 201);
  assert.match(String(answer.body['id']), /^[A-Z0-9]{6}-[A-Z0-9]$/);
  const requestId = String(answer.body['id']);
  assert.deepEqual((await poll(simulator, requestId)).body, { id: requestId, status: 'done' });
});

test('a registration is "processing" until its latency has passed', async (t) => {
  const simulator = await simulatorFor(t, { latency: { minMs: 3_600_000, maxMs: 3_600_000 } });
  const requestId = await file(simulator, { id: 'r-1' });
  const answer = await poll(simulator, requestId);
  assert.equal(answer.status, 200);
  assert.deepEqual(answer.body, { id: requestId, status: 'processing' });
});

test('an unknown request id is 404 not found, whatever characters it has', async (t) => {
  const simulator = await simulatorFor(t);
  for (const id of ['AB583C-X', '%E0%A4', 'a|b', '%0d%0aCONSULTAR']) {
    const answer = await poll(simulator, id);
    assert.equal(answer.status, 404, id);
    assert.deepEqual(answer.body, { error: 'not found' });
  }
});

test('a body that is not a JSON object with an id is 400 with the reason, and in the ledger', async (t) => {
  const simulator = await simulatorFor(t);
  const bodies: [string | Uint8Array<ArrayBuffer>, RegExp][] = [
    ['{"id": "r-1"', /not valid JSON/],
    ['', /not valid JSON/],
    ['[]', /must be a JSON object/],
    ['null', /must be a JSON object/],
    ['{"name": "Ana"}', /"id" must be a string/],
    ['{"id": 7}', /"id" must be a string/],
    [JSON.stringify({ id: 'x'.repeat(1_001) }), /"id" must be a string/],
    [new Uint8Array([0x7b, 0xff, 0x7d]), /not valid UTF-8/],
    ['{"id": "r-1", "simulate": {"fial": "x"}}', /Unrecognized key: "fial" \(known: .*fail/],
    ['{"id": "r-1", "simulate": {"errorTimes": -1}}', /"simulate": errorTimes: Too small/],
  ];
  for (const [body, reason] of bodies) {
    const answer = await call(simulator, '/registrations', { method: 'POST', body });
    assert.equal(answer.status, 400);
    assert.match(String(answer.body['reason']), reason);
  }
  const refused = simulator.ledger().filter((entry) => entry.event === 'refused');
  assert.equal(refused.length, bodies.length);
  assert.equal(simulator.stats().accepted, 0);
});

test('an id of any characters is accepted and recorded as it was', async (t) => {
  const simulator = await simulatorFor(t);
  const ids = ['a|b', '100%', '%u0041', 'linha\r\noutra', 'ação 🇧🇷', '\ud800', ' '];
  for (const id of ids) await file(simulator, { id });
  const accepted = simulator.ledger().flatMap((e) => (e.event === 'accepted' ? [e.id] : []));
  assert.deepEqual(accepted, ids);
});

test('a body of more than 1 MiB is 413, one of 1 MiB is read', async (t) => {
  const simulator = await simulatorFor(t);
  const sized = (size: number) => JSON.stringify({ id: 'r', pad: 'x'.repeat(size - 19) });
  const init = { method: 'POST' } as const;
  const limit = 1024 * 1024;
  assert.equal(sized(limit).length, limit);
  const largest = await call(simulator, '/registrations', { ...init, body: sized(limit) });
  assert.equal(largest.status, 201);
  const larger = await call(simulator, '/registrations', { ...init, body: sized(limit + 1) });
  assert.equal(larger.status, 413);
});

test('an unknown path is 404 with the known ones, a wrong method 405 with the right one', async (t) => {
  const simulator = await simulatorFor(t);
  const lost = await call(simulator, '/registration');
  assert.equal(lost.status, 404);
  assert.match(lost.text, /POST \/registrations/);
  for (const [path, method, allow] of [
    ['/registrations', 'GET', 'POST'],
    ['/registrations/AB583C-X', 'DELETE', 'GET'],
    ['/stats', 'POST', 'GET'],
    ['/ledger', 'POST', 'GET'],
    ['/control', 'GET', 'POST'],
  ] as const) {
    const answer = await call(simulator, path, { method });
    assert.equal(answer.status, 405, path);
    assert.equal(answer.headers['allow'], allow);
  }
});

test('a registration is found by its own id, each time it was filed, and not when it was not', async (t) => {
  const simulator = await simulatorFor(t);
  const first = await file(simulator, { id: 'r|1 é' });
  const second = await file(simulator, { id: 'r|1 é' });
  await file(simulator, { id: 'r-2' });
  const find = async (id: string): Promise<unknown> =>
    JSON.parse((await call(simulator, `/registrations?externalId=${encodeURIComponent(id)}`)).text);
  assert.deepEqual(await find('r|1 é'), [
    { id: first, externalId: 'r|1 é' },
    { id: second, externalId: 'r|1 é' },
  ]);
  assert.deepEqual(await find('r-3'), []);
  await simulator.stopCore();
  assert.equal((await call(simulator, '/registrations?externalId=r-2')).status, 503);
});

test('told to be idempotent, it answers a key again as before and files nothing, also after a restart', async (t) => {
  const simulator = await simulatorFor(t, { idempotent: true });
  const first = await file(simulator, { id: 'r-1' }, 'key-1');
  assert.equal(await file(simulator, { id: 'r-1' }, 'key-1'), first);
  await simulator.stopCore();
  await simulator.startCore();
  assert.equal(await file(simulator, { id: 'r-1' }, 'key-1'), first);
  assert.notEqual(await file(simulator, { id: 'r-1' }, 'key-2'), first);
  assert.equal(simulator.stats().accepted, 2);
});

test('the same registration posted twice is filed twice, and shows', async (t) => {
  const simulator = await simulatorFor(t);
  const first = await file(simulator, { id: 'r-1' }, 'key-1');
  const second = await file(simulator, { id: 'r-1' }, 'key-1');
  assert.notEqual(first, second);
  assert.equal(simulator.stats().filedTwice, 1);
  const keys = simulator.ledger().map((e) => e.event === 'accepted' && e.idempotencyKey);
  assert.deepEqual(keys, ['key-1', 'key-1']);
});

test('thousands at once are all accepted, each with a request id of its own', async (t) => {
  const simulator = await simulatorFor(t, {
    latency: { minMs: 3_600_000, maxMs: 3_600_000 },
    answerDelay: { minMs: 20, maxMs: 60 },
  });
  const count = 5_000;
  const requestIds = new Set<string>();
  let next = 0;
  const lane = async () => {
    while (next < count) requestIds.add(await file(simulator, { id: `r-${next++}` }));
  };
  await Promise.all(Array.from({ length: 250 }, lane));
  assert.equal(requestIds.size, count);
  const { accepted, inFlight, maxInFlight, filedTwice } = simulator.stats();
  assert.deepEqual(
    { accepted, inFlight, maxInFlight, filedTwice },
    { accepted: count, inFlight: count, maxInFlight: count, filedTwice: 0 },
  );
});

test('a port that is taken is an error that names the port and the remedy', async (t) => {
  const { port, corePort } = await simulatorFor(t);
  await assert.rejects(
    startSimulator({ port, corePort: 0 }),
    (error: Error) =>
      error.message.includes(`127.0.0.1:${port}`) && error.message.includes('another port'),
  );
  await assert.rejects(startSimulator({ port: 0, corePort }), /the core of the simulator/);
});

test('options that are wrong are named, all at once', async () => {
  await assert.rejects(
    startSimulator({ refuseShare: 2, latency: { minMs: 2, maxMs: 1 } }),
    /options of the simulator: latency: minMs must not exceed maxMs; refuseShare: Too big/,
  );
});
