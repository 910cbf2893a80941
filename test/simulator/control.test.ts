import assert from 'node:assert/strict';
import { test } from 'node:test';
import { call, control, file, post, simulatorFor } from './harness.ts';

test('POST /control changes the behaviour from now on and answers with the one in force', async (t) => {
  const simulator = await simulatorFor(t);
  const answer = await control(simulator, { errorShare: 1, errorStatus: 502 });
  assert.equal(answer.status, 200);
  assert.equal(answer.body['errorShare'], 1);
  assert.equal(answer.body['failShare'], 0);
  assert.equal((await post(simulator, { id: 'r-1' })).status, 502);
  await control(simulator, { errorShare: 0, refuseShare: 1 });
  assert.equal((await post(simulator, { id: 'r-1' })).status, 422);
});

test('POST /control takes the core down and up', async (t) => {
  const simulator = await simulatorFor(t);
  await control(simulator, { core: 'down' });
  assert.equal((await post(simulator, { id: 'r-1' })).status, 503);
  await control(simulator, { core: 'up' });
  assert.equal((await post(simulator, { id: 'r-1' })).status, 201);
});

test('a control call that is wrong says what is, and changes nothing', async (t) => {
  const simulator = await simulatorFor(t);
  const wrong: [unknown, RegExp][] = [
    [{ errorShare: 2 }, /errorShare: Too big/],
    [{ errorShares: 1 }, /Unrecognized key: "errorShares" \(known: .*errorShare/],
    [{ failShare: 1, latency: { minMs: 5 } }, /latency\.maxMs: Invalid input/],
    [{ latency: { minMs: 5, maxMs: 1 } }, /minMs must not exceed maxMs/],
    [{ bursts: [{ fromMs: 0, toMs: 1, status: 99 }] }, /bursts\.0\.status: Too small/],
    [{ core: 'sideways' }, /core: expected "up" or "down", got "sideways"/],
    [{ core: 'down', errorShare: 'many' }, /errorShare: Invalid input/],
    [['errorShare'], /must be a JSON object/],
    [{ pad: 'x'.repeat(70_000) }, /larger than 65536 bytes/],
  ];
  for (const [changes, reason] of wrong) {
    const answer = await control(simulator, changes);
    assert.equal(answer.status, 400);
    assert.match(String(answer.body['reason']), reason);
  }
  await file(simulator, { id: 'r-1' });
  assert.throws(() => simulator.script({ failShare: -1 }), /failShare: Too small/);
});

test('GET /stats counts what happened; the floor reaches from the first acceptance to the last end', async (t) => {
  const simulator = await simulatorFor(t);
  await file(simulator, { id: 'r-1', simulate: { latencyMs: 0 } });
  await file(simulator, { id: 'r-2', simulate: { latencyMs: 3_600_000 } });
  const { body } = await call(simulator, '/stats');
  assert.deepEqual(body, { ...simulator.stats() });
  const { accepted, done, inFlight, posts, floorMs, firstAcceptedAt, lastDoneAt } =
    simulator.stats();
  assert.deepEqual(
    { accepted, done, inFlight, posts },
    { accepted: 2, done: 1, inFlight: 1, posts: 2 },
  );
  assert.ok(firstAcceptedAt !== null && lastDoneAt !== null);
  assert.equal(floorMs, lastDoneAt - firstAcceptedAt);
  assert.ok(floorMs >= 3_600_000);
});

test('in flight falls as registrations end, in whatever order they end', async (t) => {
  const simulator = await simulatorFor(t);
  const latencies = [3_600_000, 0, 7_200_000, 0, 3_600_000, 0, 0];
  for (const [i, latencyMs] of latencies.entries()) {
    await file(simulator, { id: `r-${i}`, simulate: { latencyMs } });
  }
  const { done, inFlight } = simulator.stats();
  assert.deepEqual({ done, inFlight }, { done: 4, inFlight: 3 });
});
