/** The examples do what their texts say, as a developer would test them. */
import assert from 'node:assert/strict';
import { once } from 'node:events';
import { createServer } from 'node:http';
import { test } from 'node:test';
import { fromClass, testWorker } from 'despachante';
import batchWorker from '../../examples/batch-worker.ts';
import { catching, letting } from '../../examples/caught-errors.ts';
import { EmailWorker } from '../../examples/email-class.ts';
import { emailWorker } from '../../examples/email-worker.ts';
import MyWorker from '../../examples/my-worker.ts';
import processOrder from '../../examples/process-order.ts';
import processTask from '../../examples/process-task.ts';
import { EmailService } from '../../examples/services/email-service.ts';
import { notifyAdmin } from '../../examples/services/notify-admin.ts';
import userHandler from '../../examples/user-handler.ts';
import { discover } from '../../src/workers/discover.ts';

const EMAIL = { to: 'ana@example.com', subject: 'Olá', template: 'welcome' };
const AWAY = { ...EMAIL, to: 'ana@away.example' };

test('every example is found as it stands, in TypeScript', async () => {
  const { found } = await discover(['examples']);
  assert.deepEqual(found.map(({ worker: { name } }) => name).sort(), [
    ...['BatchWorker', 'CatchingWorker', 'EmailClassWorker', 'EmailWorker', 'GreetWorker'],
    ...['LettingWorker', 'MyWorker', 'UserHandler', 'processOrder', 'processTask'],
  ]);
});

test('process-task does its work, and is tried five times more where that fails', async () => {
  const tested = testWorker(processTask);
  const outcome = await tested.run({ data: 'abc' });
  assert.deepEqual(outcome.kind === 'done' && outcome.result, { status: 'completed', result: 3 });
  const failed = await tested.runBody('{}');
  assert.deepEqual(failed.kind === 'retry' && failed.after, 1_000);
  const last = await tested.runBody('{}', { attempt: 6 });
  assert.deepEqual(last.kind === 'dead' && last.failure, 'exhausted');
});

test('process-order publishes what it returns, with the key of the order', async () => {
  const outcome = await testWorker(processOrder).run({ id: 7 }, { key: 'order-7' });
  assert.deepEqual(outcome.kind === 'done' && outcome.published, [
    {
      channel: { broker: 'kafka', name: 'order-results' },
      key: 'order-7',
      message: { order_id: 7, status: 'processed' },
    },
  ]);
});

test('email-worker sends an email under its idempotency key', async () => {
  const emails = new EmailService();
  const tested = testWorker(emailWorker(emails));
  const outcome = await tested.run(EMAIL, { id: 'm-1' });
  assert.deepEqual(outcome.kind === 'done' && outcome.result, { sent: true, to: EMAIL.to });
  assert.deepEqual(emails.sent, [{ ...EMAIL, context: {}, idempotencyKey: 'EmailWorker/m-1' }]);
  assert.deepEqual(tested.counted, { 'worker.success': 1 });
});

test('email-worker tries again after 1, 2 and 4 seconds, and then tells an administrator once', async (t) => {
  const told: string[] = [];
  const server = createServer((request, response) => {
    request.setEncoding('utf8').on('data', (text: string) => told.push(text));
    request.on('end', () => response.end());
  }).listen(0, '127.0.0.1');
  t.after(() => server.close());
  await once(server, 'listening');
  const address = server.address();
  assert.ok(typeof address === 'object' && address !== null);
  const worker = emailWorker(new EmailService(), (error) =>
    notifyAdmin(error, `http://127.0.0.1:${address.port}/`),
  );
  const { outcome, dueAt } = await testWorker(worker).exhaust(AWAY);
  assert.deepEqual(dueAt, [1_000, 3_000, 7_000]);
  assert.equal(outcome.kind === 'dead' && outcome.failure, 'exhausted');
  assert.deepEqual(told, ['{"text":"Error: the provider did not answer"}']);
});

test('email-class is the same worker in the words of Python', async () => {
  const emails = new EmailService();
  const tested = testWorker(fromClass(new EmailWorker(emails)));
  const outcome = await tested.run(EMAIL);
  assert.deepEqual(outcome.kind === 'done' && outcome.result, { sent: true, to: EMAIL.to });
  assert.equal(emails.sent.length, 1);
  assert.deepEqual(tested.logged[0]?.facts, {
    ...{ worker: 'EmailClassWorker', task: 'test', attempt: 1, domain: 'example.com' },
  });
  assert.equal((await tested.exhaust(AWAY)).attempts, 4);
});

test('my-worker takes ten messages at once and publishes each result', async () => {
  const outcomes = await testWorker(fromClass(new MyWorker())).runBatch([{ n: 2 }, { n: 3 }]);
  const messages = outcomes.map((each) => each.kind === 'done' && each.published[0]?.message);
  assert.deepEqual(messages, [{ square: 4 }, { square: 9 }]);
});

test('batch-worker rejects one event, and the others of its batch are done', async () => {
  const at = '2026-11-27T19:00:00Z';
  const outcomes = await testWorker(batchWorker).runBatch([
    { event: 'login', at },
    { event: '', at },
  ]);
  assert.deepEqual(
    outcomes.map((each) => (each.kind === 'done' ? each.result : each.kind)),
    [{ event: 'login', day: '2026-11-27' }, 'dead'],
  );
});

test('a permanent error that is caught counts as done, and one that is let go is a dead letter', async () => {
  const caught = await testWorker(catching).run({ data: 'wrong' });
  assert.deepEqual(caught.kind === 'done' && caught.result, { error: 'there is no such customer' });
  const tested = testWorker(letting);
  const { outcome, attempts } = await tested.exhaust({ data: 'wrong' });
  assert.deepEqual([outcome.kind, attempts], ['dead', 1]);
  assert.equal(tested.logged[0]?.sentence, 'A task has failed for good');
  for (const worker of [catching, letting])
    assert.equal((await testWorker(worker).run({ data: 'away' })).kind, 'retry');
});

test('user-handler gives each message to the handler of its type, and keeps one of an unknown type', async () => {
  const tested = testWorker(userHandler);
  const audio = { type: 'send_audio', user_id: 123, content: 'audio_data' } as const;
  const outcome = await tested.run(audio);
  assert.deepEqual(outcome.kind === 'done' && outcome.result, { notified: 123 });
  const unknown = await tested.runBody(JSON.stringify({ ...audio, type: 'send_video' }));
  assert.equal(unknown.kind === 'dead' && unknown.failure, 'unknown-type');
});
