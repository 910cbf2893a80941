import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { test } from 'node:test';
import { fileURLToPath } from 'node:url';
import { messageOf } from '../../src/claims/claims.ts';
import { HEADER, QUERY_TASKS } from '../../src/domain/names.ts';
import type { TasksView } from '../../src/domain/tasks-view.ts';
import type { Call, Ended } from '../../src/workers/call.ts';
import { eventually } from '../helpers/eventually.ts';
import { callerOf, testWorkers } from '../helpers/workers.ts';

const done = (result?: unknown): Ended => ({ kind: 'done', result, outgoing: [] });
const again = (reason: string): Ended => ({
  kind: 'again',
  reason,
  class: 'Error',
  retryAfter: null,
});
const bodyOf = ({ body }: Call): unknown => JSON.parse(Buffer.from(body, 'base64').toString());

const MORTAL = fileURLToPath(new URL('../helpers/mortal-workers.js', import.meta.url));

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
  // The one that it never finished.
  assert.equal(claim.attempts, 1);
});

test('a task that kills its whole process is found among its neighbours, and is a dead letter', async (t) => {
  const flow = await testWorkers(t, () => done());
  // The test itself must live.
  await stopped(flow);
  for (const id of ['good-1', 'killer', 'good-2']) await flow.publish({}, { messageId: id });
  const { config, worker } = flow;
  const settled = Promise.all(['killer', 'good-1', 'good-2'].map((id) => flow.settled(id)));
  let isOver = false;
  const over = settled.finally(() => (isOver = true));
  while (!isOver) {
    const child = spawn(process.execPath, [MORTAL, JSON.stringify({ config, worker })], {
      stdio: 'ignore',
    });
    const ended = once(child, 'exit');
    await Promise.race([ended, over]);
    child.kill('SIGKILL');
    await ended;
  }
  const all = await settled;
  assert.deepEqual(
    all.map(({ outcome }) => outcome?.kind),
    ['crashed', 'done', 'done'],
  );
  const [killer] = all;
  assert.deepEqual(
    [killer?.attempts, killer?.outcome?.reason],
    [1, 'the process that ran it alone died with it'],
  );
});

test('tasks whose process vanished are handled side by side again, and none is taken for the one that killed it', async (t) => {
  const flow = await testWorkers(t, () => done());
  await stopped(flow);
  const ids = ['held-1', 'held-2', 'killer'];
  for (const id of ids) await flow.publish({}, { messageId: id });
  const { config, worker } = flow;
  const child = spawn(process.execPath, [MORTAL, JSON.stringify({ config, worker })], {
    stdio: 'ignore',
  });
  await once(child, 'exit');
  const begun = new Set<string>();
  const all = Promise.withResolvers<Ended>();
  const handle = ({ id }: Call, isAlone: boolean): Promise<Ended> => {
    if (!isAlone) begun.add(id);
    if (begun.size === ids.length) all.resolve(done());
    return all.promise;
  };
  await flow.start(callerOf(handle));
  for (const id of ids) assert.equal((await flow.settled(id)).outcome?.kind, 'done');
});

test('when a run is cancelled its handlers hear it, in whichever process they run', async (t) => {
  const gate = Promise.withResolvers<Ended>();
  const processes = [0, 1].map(() => {
    const begun: string[] = [];
    const heard = new Set<string>();
    const handle = ({ id }: Call): Promise<Ended> => {
      begun.push(id);
      return gate.promise;
    };
    return { begun, heard, caller: callerOf(handle, (id) => void heard.add(id)) };
  });
  // Outside of workflow tasks any process may handle, and any may drive the run and bury.
  const flow = await testWorkers(t, () => done(), { isIsolated: false, concurrency: 20 });
  await stopped(flow);
  const both = await Promise.all(processes.map(({ caller }) => flow.start(caller)));
  const ids = Array.from({ length: 10 }, (_, n) => `m-${n}`);
  for (const id of ids) {
    await flow.publish({}, { messageId: id });
    await eventually('it runs', () => assert.ok(processes.some(({ begun }) => begun.includes(id))));
  }
  const claims = await flow.claims.find().toArray();
  for (const workflowId of new Set(claims.map((each) => each.workflowId)))
    await flow.client.workflow.getHandle(workflowId).cancel();
  for (const id of ids) assert.equal((await flow.settled(id)).outcome?.kind, 'cancelled');
  await eventually('each has heard of it where it runs', () => {
    for (const { begun, heard } of processes) assert.deepEqual([...heard].sort(), begun.sort());
  });
  // What it comes to now changes nothing.
  gate.resolve(done('too late'));
  await Promise.all(both.map((each) => each.stop()));
  const after = await flow.claims.find().toArray();
  assert.ok(after.every(({ outcome, result }) => outcome?.kind === 'cancelled' && !result));
});

test('a task of a dead run is handled when its handler wants it again, and not before', async (t) => {
  let calls = 0;
  const flow = await testWorkers(t, () => {
    calls += 1;
    return { ...again('closed until tomorrow'), retryAfter: 3_600_000 };
  });
  await flow.publish({}, { messageId: 'm-1' });
  const claim = await attempted(flow, 'm-1');
  await flow.client.workflow.getHandle(claim.workflowId).terminate();
  await flow.publish({}, { messageId: 'm-1' });
  const view = await eventually('another run has it', async () => {
    const taken = await flow.claims.findOne({ takenFrom: claim.workflowId });
    assert.ok(taken !== null);
    const found = await flow.client.workflow
      .getHandle(taken.workflowId)
      .query<TasksView>(QUERY_TASKS);
    assert.equal(found.open[0]?.state, 'handle');
    return found;
  });
  assert.ok(Date.parse(view.open[0]?.nextStepAt ?? '') > Date.now() + 1_800_000);
  assert.equal(calls, 1);
});

test('a task of a dead run that has no attempt left fails as its last attempt did', async (t) => {
  const flow = await testWorkers(t, () => ({ kind: 'timeout', reason: 'it took too long' }), {
    retry: { max: 1, kind: 'fixed', initial: 3_600_000 },
  });
  await flow.publish({}, { messageId: 'm-1' });
  const claim = await attempted(flow, 'm-1');
  await flow.running.stop();
  await flow.start(undefined, { retry: { max: 0, kind: 'fixed', initial: 0 } });
  await flow.client.workflow.getHandle(claim.workflowId).terminate();
  await flow.publish({}, { messageId: 'm-1' });
  const { outcome } = await flow.settled('m-1');
  assert.deepEqual([outcome?.kind, outcome?.reason], ['timeout', 'it took too long']);
});

/** Others take its place. */
async function stopped({ running }: Awaited<ReturnType<typeof testWorkers>>): Promise<void> {
  await eventually('it is up', () => assert.ok(running.checks()['Sample']));
  await running.stop();
}

/** Waits until its first attempt is written down. */
const attempted = (flow: Awaited<ReturnType<typeof testWorkers>>, id: string) =>
  eventually('it was tried', async () => {
    const claim = await flow.claims.findOne({ _id: `Sample/${id}~0`, attempts: 1 });
    assert.ok(claim !== null);
    return claim;
  });

test('a delivery that cannot be a task is a dead letter, and the next one is handled', async (t) => {
  const flow = await testWorkers(t, () => done());
  await flow.publish({}, { messageId: 'm-1', headers: { id: 'x' } });
  await flow.publish(Buffer.alloc(2_000_000), { messageId: 'large' });
  await flow.settled('m-1');
  const letter = await flow.take(flow.deadLetters);
  assert.equal(letter.properties.headers?.[HEADER.class], 'malformed');
});

test('without dead letters a delivery that cannot be a task is set aside', async (t) => {
  const flow = await testWorkers(t, () => done(), { deadLetters: null });
  await flow.publish(Buffer.alloc(2_000_000), { messageId: 'large' });
  await eventually('it is set aside', async () =>
    assert.equal(await flow.setAside.countDocuments(), 1),
  );
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
