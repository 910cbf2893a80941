// Queues and topics whose messages go to an HTTP endpoint, by queues.yaml alone.
import assert from 'node:assert/strict';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test, type TestContext } from 'node:test';
import { gzipSync } from 'node:zlib';
import { textHeader } from '../../src/broker/kafka/message.ts';
import { readQueues } from '../../src/config/queues.ts';
import { startChosen } from '../../src/door/start-chosen.ts';
import { silent } from '../../src/runtime/log.ts';
import { createMetrics } from '../../src/runtime/metrics.ts';
import { discoverAll } from '../../src/workers/webhooks.ts';
import { eventually } from '../helpers/eventually.ts';
import { noKafka, testTopic } from '../helpers/kafka.ts';
import { address, atEnd, uniqueName } from '../helpers/servers.ts';
import { webServer, type Respond } from '../helpers/web-server.ts';
import { testPlace } from '../helpers/workers.ts';

/** The settings of one queue or topic, written as its owner would. */
async function webhook(
  t: TestContext,
  respond: Respond,
  more: { topic?: string; lines?: string[]; retries?: number } = {},
) {
  const name = uniqueName();
  const deadLetters = { broker: 'rabbitmq', name: `dlq_${name}.tasks` } as const;
  const place = await testPlace(t, { deadLetters }, { name });
  const server = await webServer(t, respond);
  const folder = mkdtempSync(join(tmpdir(), 'webhook-'));
  atEnd(t, () => rmSync(folder, { recursive: true }));
  const file = join(folder, 'queues.yaml');
  const lines = [
    'queues:',
    `  - name: ${more.topic ?? place.worker.from.name}`,
    ...(more.topic === undefined
      ? [`    broker_url: ${address('AMQP_URL')}`]
      : ['    type: kafka', '    enable_dlq: false']),
    '    worker: Sample',
    `    handler: { type: http, url: "${server.url}/hook", timeout: 2s${(more.lines ?? []).map((each) => `, ${each}`).join('')} }`,
  ];
  writeFileSync(file, `${lines.join('\n')}\n`);
  const queues = readQueues(file);
  const { found } = await discoverAll(queues, { paths: null, folder: join(folder, 'workers') });
  const start = async () => {
    const { client, config } = place;
    const process = {
      config: {
        ...config,
        tasks: { ...config.tasks, defaultRetryDelay: 1, defaultRetry: more.retries ?? 1 },
      },
      client,
    };
    const running = await startChosen(
      { ...process, forOthers: {}, metrics: createMetrics(), log: silent },
      { found, queues, concurrency: null, areAll: true },
    );
    atEnd(t, () => running.stop());
    return running;
  };
  return { ...place, server, running: await start() };
}

test('messages of a queue go to an endpoint, and each ends by the status of its answer', async (t) => {
  const flow = await webhook(t, ({ headers }, response) => {
    const statuses: Record<string, number> = { refused: 422, broken: 500 };
    const id = String(headers['x-message-id']);
    response.writeHead(statuses[id] ?? 200).end(id === 'refused' ? 'no such customer' : '');
  });
  await flow.publish({ n: 1 }, { messageId: 'm 1', contentType: 'application/json' });
  await flow.publish({ n: 2 }, { messageId: 'refused' });
  await flow.publish({ n: 3 }, { messageId: 'broken' });
  const done = await flow.settled('m 1');
  assert.deepEqual([done.outcome?.kind, done.result], ['done', '{"status":200}']);
  const refused = await flow.settled('refused');
  assert.deepEqual(
    [refused.outcome?.kind, refused.outcome?.class, refused.outcome?.reason, refused.attempts],
    ['permanent', 'http-422', 'HTTP 422: no such customer', 1],
  );
  const broken = await flow.settled('broken');
  assert.deepEqual([broken.outcome?.kind, broken.attempts], ['exhausted', 2]);
  const first = flow.server.seen.find(({ headers }) => headers['x-message-id'] === 'm%201');
  assert.deepEqual(
    [first?.path, first?.body, first?.headers['content-type'], first?.headers['idempotency-key']],
    ['/hook', '{"n":1}', 'application/json', 'Sample%2Fm%201'],
  );
  const keys = flow.server.seen.filter(({ headers }) => headers['x-message-id'] === 'broken');
  assert.deepEqual(
    keys.map(({ headers }) => [headers['idempotency-key'], headers['x-attempt']]),
    [
      ['Sample%2Fbroken', '1'],
      ['Sample%2Fbroken', '2'],
    ],
  );
  const letters = [await flow.take(flow.deadLetters), await flow.take(flow.deadLetters)];
  assert.deepEqual(letters.map(({ content }) => content.toString()).sort(), ['{"n":2}', '{"n":3}']);
});

test('while credentials are turned away no attempt is used up, and all are delivered afterwards', async (t) => {
  let isWell = false;
  const flow = await webhook(t, (_, response) =>
    response.writeHead(isWell ? 200 : 401, { 'retry-after': '1' }).end(),
  );
  for (let n = 0; n < 5; n += 1) await flow.publish({ n }, { messageId: `m${n}` });
  await eventually('each was tried more often than attempts are allowed', () =>
    assert.ok(flow.server.seen.length >= 15, `${flow.server.seen.length} requests`),
  );
  isWell = true;
  for (let n = 0; n < 5; n += 1) {
    const claim = await flow.settled(`m${n}`);
    assert.deepEqual([claim.outcome?.kind, claim.attempts], ['done', 1]);
  }
});

test('while the breaker of an endpoint is open nothing is taken and nothing fails; then all is delivered', async (t) => {
  let isWell = false;
  const flow = await webhook(t, (_, response) => response.writeHead(isWell ? 200 : 503).end(), {
    retries: 100,
  });
  const COUNT = 60;
  for (let n = 0; n < COUNT; n += 1) await flow.publish({ n }, { messageId: `m${n}` });
  await eventually('the intake is closed by the breaker', () => {
    const { breaker } = flow.running.closedBy()['Sample'] ?? {};
    assert.match(String(breaker), /the circuit breaker is (open|probing): HTTP 503/);
  });
  const taken = await flow.claims.countDocuments();
  await flow.publish({}, { messageId: 'late' });
  const asked = flow.server.seen.length;
  await eventually('it was asked whether it is back', () =>
    assert.ok(flow.server.seen.length > asked),
  );
  assert.equal(await flow.claims.countDocuments(), taken);
  isWell = true;
  assert.equal((await flow.settled('late')).outcome?.kind, 'done');
  await eventually('all are settled', async () =>
    assert.equal(await flow.claims.countDocuments({ settledAt: { $ne: null } }), COUNT + 1),
  );
  assert.equal(await flow.claims.countDocuments({ 'outcome.kind': { $ne: 'done' } }), 0);
});

test('messages of a topic go to an endpoint, with their key', { skip: noKafka }, async (t) => {
  const { topic, send } = await testTopic(t);
  const flow = await webhook(t, (_, response) => response.end(), { topic });
  await send('{"n":1}', { key: Buffer.from('k é'), headers: [textHeader('message-id', 'm1')] });
  assert.equal((await flow.settled('m1')).outcome?.kind, 'done');
  assert.deepEqual(
    flow.server.seen.map(({ body, headers }) => [body, headers['x-message-key']]),
    [['{"n":1}', 'k%20%C3%A9']],
  );
});

test('a compressed body comes with its coding, and a charset is none', async (t) => {
  const flow = await webhook(t, (_, response) => response.end());
  const body = gzipSync('{"n":1}');
  await flow.publish(body, { messageId: 'packed', contentEncoding: 'gzip' });
  await flow.publish({ n: 2 }, { messageId: 'plain', contentEncoding: 'utf-8' });
  for (const id of ['packed', 'plain']) await flow.settled(id);
  const codings = flow.server.seen.map(({ headers }) =>
    [headers['x-message-id'], headers['content-encoding'] ?? 'none'].join(' '),
  );
  assert.deepEqual(codings.sort(), ['packed gzip', 'plain none']);
});
