import assert from 'node:assert/strict';
import { test } from 'node:test';
import { messageOf } from '../../src/claims/claims.ts';
import { HEADER } from '../../src/domain/names.ts';
import type { Call, Ended } from '../../src/workers/call.ts';
import { eventually } from '../helpers/eventually.ts';
import { testWorkers } from '../helpers/workers.ts';

const done = (result?: unknown): Ended => ({ kind: 'done', result, outgoing: [] });
const again = (reason: string): Ended => ({
  kind: 'again',
  reason,
  class: 'Error',
  retryAfter: null,
});
const bodyOf = ({ body }: Call): unknown => JSON.parse(Buffer.from(body, 'base64').toString());

test('a task is handled once, with its id, key, headers and body, and its result is in its claim', async (t) => {
  const calls: Call[] = [];
  const flow = await testWorkers(t, (call) => {
    calls.push(call);
    return done({ sent: true });
  });
  await flow.publish({ to: 'ana' }, { messageId: 'm-1', headers: { tenant: 'a' } });
  const claim = await flow.settled('m-1');
  assert.equal(claim.outcome?.kind, 'done');
  assert.equal(claim.result, '{"sent":true}');
  assert.equal(claim.message, null);
  assert.equal(claim.attempts, 1);
  const [call] = calls;
  assert.equal(calls.length, 1);
  assert.ok(call);
  assert.deepEqual(
    [call.id, call.attempt, call.isLastAttempt, call.headers, bodyOf(call)],
    ['m-1', 1, false, { tenant: 'a' }, { to: 'ana' }],
  );
});

test('a task that fails is tried again after its rests, and is a dead letter after the last', async (t) => {
  const attempts: number[] = [];
  const flow = await testWorkers(t, (call) => {
    attempts.push(call.attempt);
    return again(`attempt ${call.attempt} failed`);
  });
  await flow.publish({ n: 1 }, { messageId: 'm-1', headers: { tenant: 'a' } });
  const claim = await flow.settled('m-1');
  assert.deepEqual(attempts, [1, 2, 3, 4]);
  assert.deepEqual(
    [claim.outcome?.kind, claim.outcome?.reason, claim.attempts],
    ['exhausted', 'attempt 4 failed', 4],
  );
  const letter = await flow.take(flow.deadLetters);
  assert.equal(letter.content.toString(), '{"n":1}');
  const headers = letter.properties.headers ?? {};
  assert.equal(headers['tenant'], 'a');
  assert.equal(headers[HEADER.class], 'exhausted');
  assert.equal(headers[HEADER.reason], 'attempt 4 failed');
  assert.equal(headers[HEADER.item], 'Sample/m-1~0');
});

test('a task that can never succeed is a dead letter at once', async (t) => {
  let calls = 0;
  const flow = await testWorkers(t, () => {
    calls += 1;
    return { kind: 'failed', failure: 'permanent', reason: 'no such user', class: 'NoUser' };
  });
  await flow.publish({}, { messageId: 'm-1' });
  const claim = await flow.settled('m-1');
  assert.deepEqual([claim.outcome?.kind, claim.outcome?.class, calls], ['permanent', 'NoUser', 1]);
});

test('what a handler publishes is out before its task is settled, under an id that stays the same', async (t) => {
  const flow = await testWorkers(t, (call) => ({
    kind: 'done',
    result: { ok: true },
    outgoing: [
      {
        channel: { broker: 'rabbitmq', name: `${call.headers['to']}` },
        key: 'k',
        message: { ok: true },
      },
    ],
  }));
  const output = `${flow.config.temporal.taskQueue}.out`;
  await flow.assertQueue(output);
  await flow.publish({}, { messageId: 'm-1', headers: { to: output } });
  await flow.settled('m-1');
  const message = await flow.take(output);
  assert.equal(message.content.toString(), '{"ok":true}');
  assert.equal(message.properties.messageId, 'Sample/m-1~0/0');
});

test('the same message again is dropped, and another body under its id is a dead letter', async (t) => {
  let calls = 0;
  const flow = await testWorkers(t, () => {
    calls += 1;
    return done();
  });
  await flow.publish({ n: 1 }, { messageId: 'm-1' });
  await flow.settled('m-1');
  await flow.publish({ n: 1 }, { messageId: 'm-1' });
  await flow.publish({ n: 2 }, { messageId: 'm-1' });
  const letter = await flow.take(flow.deadLetters);
  assert.equal(letter.properties.headers?.[HEADER.class], 'id-conflict');
  assert.equal(calls, 1);
});

test('tasks that are done are settled though another of their run goes on', async (t) => {
  const slow = Promise.withResolvers<Ended>();
  const flow = await testWorkers(t, (call) => (call.id === 'slow' ? slow.promise : done()));
  await flow.publish({}, { messageId: 'slow' });
  for (let n = 0; n < 49; n += 1) await flow.publish({ n }, { messageId: `m-${n}` });
  for (let n = 0; n < 49; n += 1) await flow.settled(`m-${n}`);
  assert.equal((await flow.claims.findOne({ _id: 'Sample/slow~0' }))?.settledAt, null);
  slow.resolve(done());
  await flow.settled('slow');
});

test('a task whose process dies with it runs alone, and is a dead letter when it dies alone twice', async (t) => {
  const alone: boolean[] = [];
  const flow = await testWorkers(t, (call, isAlone) => {
    if (call.id !== 'killer') return done();
    alone.push(isAlone);
    return { kind: 'crashed', reason: 'the handler process ended (SIGKILL)' };
  });
  await flow.publish({}, { messageId: 'killer' });
  await flow.publish({}, { messageId: 'good' });
  await flow.settled('good');
  const claim = await flow.settled('killer');
  assert.deepEqual([claim.outcome?.kind, alone], ['crashed', [false, true, true]]);
});

test('a delivery that cannot be a task is a dead letter, and the next one is handled', async (t) => {
  const flow = await testWorkers(t, () => done());
  await flow.publish({}, { messageId: 'm-1', headers: { id: 'x' } });
  await flow.publish(Buffer.alloc(2_000_000), { messageId: 'large' });
  await flow.settled('m-1');
  const letter = await flow.take(flow.deadLetters);
  assert.equal(letter.properties.headers?.[HEADER.class], 'malformed');
});

test('tasks that find no slot wait for one, and none of them is handled twice or before its turn', async (t) => {
  const gate = Promise.withResolvers<void>();
  const begun: string[] = [];
  let running = 0;
  let most = 0;
  const flow = await testWorkers(
    t,
    async (call) => {
      begun.push(call.id);
      running += 1;
      most = Math.max(most, running);
      if (call.id.startsWith('slow')) await gate.promise;
      running -= 1;
      return done();
    },
    { concurrency: 2 },
  );
  await flow.publish({}, { messageId: 'slow-1' });
  await flow.publish({}, { messageId: 'slow-2' });
  await eventually('both slots are taken', () => assert.equal(begun.length, 2));
  for (let n = 0; n < 20; n += 1) await flow.publish({ n }, { messageId: `m-${n}` });
  await eventually('the others are claimed', async () => {
    assert.equal(await flow.claims.countDocuments({ attempts: 0 }), 22);
  });
  gate.resolve();
  for (let n = 0; n < 20; n += 1) await flow.settled(`m-${n}`);
  assert.equal(most, 2);
  assert.equal(new Set(begun).size, begun.length);
});

test('without dead letters the claim of what failed for good keeps its message', async (t) => {
  const flow = await testWorkers(
    t,
    () => ({ kind: 'failed', failure: 'permanent', reason: 'no', class: 'No' }),
    { deadLetters: null },
  );
  await flow.publish({ n: 1 }, { messageId: 'm-1' });
  const claim = await flow.settled('m-1');
  assert.equal(claim.outcome?.kind, 'permanent');
  assert.equal(claim.message === null ? '' : messageOf(claim)?.toString(), '{"n":1}');
});

test('the handler of a message that was sent for later is not called before', async (t) => {
  const calledAt: number[] = [];
  const flow = await testWorkers(t, () => {
    calledAt.push(Date.now());
    return done();
  });
  const notBefore = Date.now() + 1_500;
  const headers = { [HEADER.notBefore]: String(notBefore) };
  await flow.publish({}, { messageId: 'm-1', headers });
  await flow.settled('m-1');
  assert.ok((calledAt[0] ?? 0) >= notBefore);
});

test('a dead letter that is moved back to its queue is handled again, as the next generation of its task', async (t) => {
  let calls = 0;
  const flow = await testWorkers(t, () => {
    calls += 1;
    return calls === 1
      ? { kind: 'failed', failure: 'permanent', reason: 'no', class: 'No' }
      : done();
  });
  await flow.publish({ n: 1 }, { messageId: 'm-1' });
  const letter = await flow.take(flow.deadLetters);
  const headers: Record<string, unknown> = { ...letter.properties.headers };
  await flow.publish(letter.content, { messageId: 'm-1', headers });
  assert.equal((await flow.settled('m-1', 1)).outcome?.kind, 'done');
  // The same letter once more is a duplicate of that.
  await flow.publish(letter.content, { messageId: 'm-1', headers });
  await flow.publish({}, { messageId: 'm-2' });
  await flow.settled('m-2');
  assert.equal(calls, 3);
});
