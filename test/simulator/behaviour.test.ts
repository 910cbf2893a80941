import assert from 'node:assert/strict';
import { test } from 'node:test';
import { call, file, poll, post, simulatorFor } from './harness.ts';

test('a refusal is 422 with its reason, and nothing is accepted', async (t) => {
  const simulator = await simulatorFor(t);
  const answer = await post(simulator, { id: 'r-1', simulate: { refuse: 'CPF inválido' } });
  assert.equal(answer.status, 422);
  assert.deepEqual(answer.body, { error: 'invalid', reason: 'CPF inválido' });
  const { accepted, refused } = simulator.stats();
  assert.deepEqual({ accepted, refused }, { accepted: 0, refused: 1 });
});

test('refuseTimes: refused so many times, then accepted', async (t) => {
  const simulator = await simulatorFor(t);
  const body = { id: 'r-1', simulate: { refuse: 'nome ausente', refuseTimes: 1 } };
  assert.equal((await post(simulator, body)).status, 422);
  assert.equal((await post(simulator, body)).status, 201);
});

test('a failure is told by the GET with its reason; failTimes: the next filing succeeds', async (t) => {
  const simulator = await simulatorFor(t);
  const body = { id: 'r-1', simulate: { fail: 'documento ilegível | ação', failTimes: 1 } };
  const first = await file(simulator, body);
  const second = await file(simulator, body);
  assert.deepEqual((await poll(simulator, first)).body, {
    id: first,
    status: 'failed',
    reason: 'documento ilegível | ação',
  });
  assert.equal((await poll(simulator, second)).body['status'], 'done');
  const { done, failed } = simulator.stats();
  assert.deepEqual({ done, failed }, { done: 1, failed: 1 });
});

test('a lost answer: accepted and recorded, but the connection is cut; the next POST is answered', async (t) => {
  const simulator = await simulatorFor(t);
  const body = { id: 'r-1', simulate: { loseAnswer: true } };
  await assert.rejects(post(simulator, body));
  assert.deepEqual(
    simulator.ledger().map(({ event }) => event),
    ['accepted', 'answer-lost'],
  );
  await file(simulator, body);
  const { accepted, answersLost, filedTwice } = simulator.stats();
  assert.deepEqual(
    { accepted, answersLost, filedTwice },
    { accepted: 2, answersLost: 1, filedTwice: 1 },
  );
});

test('a client that leaves before its answer has lost it, and the ledger says so', async (t) => {
  const simulator = await simulatorFor(t);
  const leaving = new AbortController();
  const body = JSON.stringify({ id: 'r-1', simulate: { answerDelayMs: 600_000 } });
  const init = { method: 'POST', body, signal: leaving.signal } as const;
  const posted = call(simulator, '/registrations', init);
  await until(() => simulator.stats().accepted === 1);
  leaving.abort();
  await assert.rejects(posted);
  await until(() => simulator.stats().answersLost === 1);
});

test('one that never finishes stays "processing" and counts as in flight', async (t) => {
  const simulator = await simulatorFor(t);
  const requestId = await file(simulator, { id: 'r-1', simulate: { neverFinish: true } });
  assert.equal((await poll(simulator, requestId)).body['status'], 'processing');
  const { inFlight, never, lastDoneAt } = simulator.stats();
  assert.deepEqual({ inFlight, never, lastDoneAt }, { inFlight: 1, never: 1, lastDoneAt: null });
});

test('errors and throttling come as many times as ordered, and nothing is accepted meanwhile', async (t) => {
  const simulator = await simulatorFor(t);
  const simulate = { throttleTimes: 1, retryAfterSeconds: 7, errorStatus: 503, errorTimes: 2 };
  const answers = [];
  for (let i = 0; i < 4; i += 1) answers.push(await post(simulator, { id: 'r-1', simulate }));
  assert.deepEqual(
    answers.map(({ status, headers }) => [status, headers['retry-after']]),
    [
      [429, '7'],
      [503, '7'],
      [503, '7'],
      [201, undefined],
    ],
  );
  const { accepted, notAccepted } = simulator.stats();
  assert.deepEqual({ accepted, notAccepted }, { accepted: 1, notAccepted: 3 });
});

test('a poll goes wrong as often as ordered, then tells the truth', async (t) => {
  const simulator = await simulatorFor(t);
  const simulate = { pollErrorTimes: 2, pollErrorStatus: 502 };
  const requestId = await file(simulator, { id: 'r-1', simulate });
  const statuses = [];
  for (let i = 0; i < 3; i += 1) statuses.push((await poll(simulator, requestId)).status);
  assert.deepEqual(statuses, [502, 502, 200]);
});

test('a garbage poll is 200 and no JSON', async (t) => {
  const simulator = await simulatorFor(t);
  const requestId = await file(simulator, { id: 'r-1', simulate: { pollGarbage: true } });
  const { status, text } = await poll(simulator, requestId);
  assert.equal(status, 200);
  assert.throws(() => JSON.parse(text), SyntaxError);
});

test('within a burst every POST and GET is answered its status; outside, the truth', async (t) => {
  const simulator = await simulatorFor(t);
  const requestId = await file(simulator, { id: 'r-1' });
  simulator.script({ bursts: [{ fromMs: 0, toMs: 3_600_000, status: 502 }] });
  assert.equal((await poll(simulator, requestId)).status, 502);
  assert.equal((await post(simulator, { id: 'r-2' })).status, 502);
  simulator.script({ bursts: [{ fromMs: 3_600_000, toMs: 7_200_000, status: 502 }] });
  assert.equal((await poll(simulator, requestId)).status, 200);
  assert.equal(simulator.stats().notAccepted, 1);
});

test('the first look at the end goes into the ledger, the later ones do not', async (t) => {
  const simulator = await simulatorFor(t);
  const requestId = await file(simulator, { id: 'r-1' });
  await poll(simulator, requestId);
  await poll(simulator, requestId);
  const seen = simulator.ledger().filter((entry) => entry.event === 'finished-seen');
  assert.deepEqual(
    seen.map((entry) => [entry.requestId, entry.status]),
    [[requestId, 'done']],
  );
});

/** Waits for an event of the simulator that has no callback; the test's own time limit ends it. */
async function until(condition: () => boolean): Promise<void> {
  while (!condition()) await new Promise((resolve) => setImmediate(resolve));
}
