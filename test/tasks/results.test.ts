/** Results of tasks, in Redis and in the claims. */
import assert from 'node:assert/strict';
import { createServer } from 'node:net';
import { once } from 'node:events';
import { test } from 'node:test';
import { Redis } from 'ioredis';
import { z } from 'zod';
import { createMetrics } from '../../src/runtime/metrics.ts';
import { silent } from '../../src/runtime/log.ts';
import { openResultReader } from '../../src/operations/task-result.ts';
import { createTaskMetrics } from '../../src/tasks/metrics.ts';
import { openResults } from '../../src/tasks/results.ts';
import type { TaskClaim } from '../../src/tasks/claims.ts';
import type { Ended } from '../../src/workers/call.ts';
import { DEFAULTS } from '../../src/config/schema.ts';
import { atEnd, type Ending } from '../helpers/servers.ts';
import { testConfig } from '../helpers/configuration.ts';
import { eventually } from '../helpers/eventually.ts';
import { proxyTo } from '../helpers/proxy.ts';
import { testWorkers } from '../helpers/workers.ts';

const redisUrl = process.env['REDIS_URL'] ?? '';
const skip = redisUrl === '' ? 'there is no Redis: REDIS_URL is not set' : false;

const inRedis = (more: object = {}) => ({
  redisUrl,
  tasks: { ...DEFAULTS.tasks, resultBackend: 'redis' as const },
  ...more,
});
const stored = z.record(z.string(), z.unknown());
const done = (result?: unknown): Ended => ({ kind: 'done', result, outgoing: [] });

function client(t: Ending): Redis {
  const redis = new Redis(redisUrl);
  atEnd(t, () => redis.disconnect());
  return redis;
}

const KEYS = 'k1:MDEyMzQ1Njc4OWFiY2RlZjAxMjM0NTY3ODlhYmNkZWY=';

test(
  'a result lies in Redis for its time, with what became of the task, and no input',
  { skip },
  async (t) => {
    const flow = await testWorkers(t, () => done({ sent: true }), {}, inRedis());
    const redis = client(t);
    const id = flow.config.temporal.taskQueue;
    await flow.publish({ to: 'ana' }, { messageId: id });
    const claim = await flow.settled(id);
    assert.equal(claim.result, null);
    const key = `despachante:result:Sample:${id}`;
    const text = (await redis.get(key)) ?? '';
    const { receivedAt, startedAt, finishedAt, ...rest } = stored.parse(JSON.parse(text));
    assert.deepEqual(rest, {
      ...{ worker: 'Sample', id, status: 'done', result: { sent: true }, error: null },
      ...{ attempts: 1, redrive: 0 },
    });
    for (const at of [receivedAt, startedAt, finishedAt]) assert.ok(Date.parse(String(at)) > 0);
    const left = await redis.pttl(key);
    assert.ok(left > 0 && left <= 60_000);
  },
);

test(
  'a failure lies there, too, for the time of failures, and is read with its reason',
  { skip },
  async (t) => {
    const flow = await testWorkers(
      t,
      () => ({ kind: 'failed', failure: 'permanent', reason: 'no such user', class: 'NoUser' }),
      {},
      inRedis(),
    );
    const id = flow.config.temporal.taskQueue;
    const reader = openResultReader(flow.config, silent);
    atEnd(t, () => reader.close());
    await flow.publish({}, { messageId: id });
    const found = await reader.read('Sample', id, 60_000);
    assert.deepEqual(
      [found?.status, found?.error, found?.attempts],
      ['failed', { failure: 'permanent', class: 'NoUser', reason: 'no such user' }, 1],
    );
    assert.ok((await client(t).pttl(`despachante:result:Sample:${id}`)) > 60_000);
  },
);

test('a result that is published is there before its task is settled', { skip }, async (t) => {
  const flow = await testWorkers(
    t,
    (call) => ({
      ...{ kind: 'done', result: { n: 1 } },
      outgoing: [
        { channel: { broker: 'rabbitmq', name: `${call.headers['to']}` }, key: null, message: 1 },
      ],
    }),
    {},
    inRedis(),
  );
  const id = flow.config.temporal.taskQueue;
  const output = `${id}.out`;
  await flow.assertQueue(output);
  await flow.publish({}, { messageId: id, headers: { to: output } });
  await flow.settled(id);
  await flow.take(output);
  const text = await client(t).get(`despachante:result:Sample:${id}`);
  assert.deepEqual(stored.parse(JSON.parse(text ?? '{}'))['result'], { n: 1 });
});

test('a result of more than 64 KiB is told by its size', { skip }, async (t) => {
  const flow = await testWorkers(t, () => done('x'.repeat(70_000)), {}, inRedis());
  const id = flow.config.temporal.taskQueue;
  await flow.publish({}, { messageId: id });
  await flow.settled(id);
  const reader = openResultReader(flow.config, silent);
  atEnd(t, () => reader.close());
  const found = await reader.read('Sample', id, 0);
  assert.deepEqual(found?.result, { truncated: true, bytes: 70_002 });
});

test(
  'with encryption Redis sees nothing of a result, and whoever has the key reads it',
  { skip },
  async (t) => {
    const secret = 'Ana has moved';
    const flow = await testWorkers(t, () => done(secret), {}, inRedis({ encryptionKeys: KEYS }));
    const id = flow.config.temporal.taskQueue;
    await flow.publish({}, { messageId: id });
    await flow.settled(id);
    const redis = client(t);
    const key = `despachante:result:Sample:${id}`;
    const text = (await redis.get(key)) ?? '';
    assert.match(text, /^\{"encrypted":"/);
    assert.ok(!Buffer.from(text.slice(14), 'base64').includes(secret));
    const reader = openResultReader(flow.config, silent);
    atEnd(t, () => reader.close());
    assert.equal((await reader.read('Sample', id, 0))?.result, secret);
    // Moved under another id it is refused there.
    await redis.set(`${key}-2`, text, 'PX', 60_000);
    assert.equal(await reader.read('Sample', `${id}-2`, 0), null);
  },
);

test('a task whose result Redis has lost is told of by its claim', { skip }, async (t) => {
  const flow = await testWorkers(t, () => done(1), {}, inRedis());
  const id = flow.config.temporal.taskQueue;
  await flow.publish({}, { messageId: id });
  await flow.settled(id);
  await client(t).del(`despachante:result:Sample:${id}`);
  const reader = openResultReader(flow.config, silent);
  atEnd(t, () => reader.close());
  const found = await reader.read('Sample', id, 0);
  assert.deepEqual([found?.status, found?.attempts, found?.result], ['done', 1, undefined]);
  assert.equal(await reader.read('Sample', 'never-sent', 0), null);
});

/** So many results, one after the other: how long the first and all others took, ms, and how many were not written. */
async function writing(
  t: Ending,
  url: string,
  hang: (write: () => Promise<void>) => Promise<void>,
) {
  const metrics = createTaskMetrics(createMetrics().registry);
  const results = await openResults(testConfig(inRedis({ redisUrl: url })), metrics, silent);
  atEnd(t, () => results.close());
  const ofSample = results.of({ name: 'Sample', keep: { resultMs: 60_000, failureMs: 60_000 } });
  const write = () => ofSample.write([CLAIM, CLAIM]);
  await hang(write);
  const tries: number[] = [];
  for (let n = 0; n < 5; n += 1) {
    const since = performance.now();
    await write();
    tries.push(performance.now() - since);
  }
  const [first = 0, ...others] = tries;
  const unwritten = async () => (await metrics.unwritten.get()).values[0]?.value ?? 0;
  return { first, others: others.reduce((sum, each) => sum + each), write, unwritten };
}

test('Redis that is away holds up tasks for five seconds once, and what it did not take is counted', async (t) => {
  // It takes connections, and never answers.
  const server = createServer(() => {}).listen(0, '127.0.0.1');
  atEnd(t, () => void server.close());
  await once(server, 'listening');
  const place = server.address();
  assert.ok(typeof place === 'object' && place !== null);
  const url = `redis://127.0.0.1:${place.port}`;
  const { first, others, unwritten } = await writing(t, url, () => Promise.resolve());
  assert.ok(others < first, `${others} after ${first}`);
  assert.equal(await unwritten(), 10);
});

test(
  'so does Redis that has answered, and hangs; once it answers again results are written',
  { skip },
  async (t) => {
    const proxy = await proxyTo(t, redisUrl);
    const { first, others, write, unwritten } = await writing(t, proxy.url, async (before) => {
      await before();
      proxy.hold();
      proxy.freeze();
    });
    assert.ok(others < first, `${others} after ${first}`);
    assert.equal(await unwritten(), 10);
    proxy.release();
    await eventually('a result is written', async () => {
      const missing = await unwritten();
      await write();
      assert.equal(await unwritten(), missing);
    });
  },
);

test('a wrong password is an error at the start, with the remedy', { skip }, async (t) => {
  const url = new URL(redisUrl);
  url.username = 'nobody';
  url.password = 'wrong';
  const config = testConfig(inRedis({ redisUrl: url.href }));
  const metrics = createTaskMetrics(createMetrics().registry);
  await assert.rejects(openResults(config, metrics, silent), /refuses us: WRONGPASS.*REDIS_URL/);
  void t;
});

const CLAIM: TaskClaim = {
  ...{ _id: 'Sample/m-1~0', worker: 'Sample', item: 'Sample/m-1', generation: 0, conflict: false },
  ...{ token: 't', workflowId: 'w', index: 0, bodyHash: '', key: null, message: null },
  origin: { broker: 'rabbitmq', queue: 'q', exchange: '', routingKey: 'q' },
  ...{ receivedAt: new Date(), claimedAt: new Date(), attempts: 1, error: null, result: '1' },
  ...{ startedAt: new Date(), finishedAt: new Date(), settledAt: new Date() },
  outcome: { kind: 'done', reason: null, at: new Date() },
};
