import assert from 'node:assert/strict';
import { once } from 'node:events';
import { connect } from 'node:net';
import { text } from 'node:stream/consumers';
import { test } from 'node:test';
import type { TestContext } from 'node:test';
import { request } from 'undici';
import { serveHealth, type QueueHealth } from '../../src/runtime/health.ts';
import { createMetrics } from '../../src/runtime/metrics.ts';
import { atEnd } from '../helpers/servers.ts';

/** What comes back for a request as it is written here, until the connection is closed. */
async function rawAnswer(port: number, head: string): Promise<string> {
  const socket = connect(port, '127.0.0.1');
  socket.write(`${head}\r\nhost: here\r\nconnection: close\r\n\r\n`);
  return text(socket);
}

async function healthOf(
  t: TestContext,
  checks: Record<string, boolean>,
  queues?: () => Record<string, QueueHealth>,
) {
  const metrics = createMetrics();
  const health = await serveHealth({
    ...{ host: '127.0.0.1', port: 0, metrics },
    health: () => ({ checks: () => checks, ...(queues === undefined ? {} : { queues }) }),
  });
  atEnd(t, () => health.close());
  const get = async (path: string) => {
    const { statusCode, headers, body } = await request(`http://127.0.0.1:${health.port}${path}`);
    return { status: statusCode, type: String(headers['content-type']), text: await body.text() };
  };
  return { metrics, get, port: health.port };
}

test('a process is live whatever its neighbours do', async (t) => {
  const { get } = await healthOf(t, { rabbitmq: false, temporal: false });
  const { status, text } = await get('/live');
  assert.deepEqual([status, JSON.parse(text)], [200, { live: true }]);
});

test('it is ready when every neighbour can be used, and tells which cannot', async (t) => {
  const checks = { rabbitmq: true, temporal: true };
  const { get } = await healthOf(t, checks);
  const ready = await get('/ready');
  assert.equal(ready.status, 200);
  assert.deepEqual(JSON.parse(ready.text), { ready: true, rabbitmq: true, temporal: true });
  checks.temporal = false;
  const notReady = await get('/ready');
  assert.equal(notReady.status, 503);
  assert.deepEqual(JSON.parse(notReady.text), { ready: false, rabbitmq: true, temporal: false });
});

test('while it starts it is live, and not ready', async (t) => {
  const health = await serveHealth({
    ...{ host: '127.0.0.1', port: 0, metrics: createMetrics(), health: () => null },
  });
  atEnd(t, () => health.close());
  const statusOf = async (path: string) => {
    const { statusCode, body } = await request(`http://127.0.0.1:${health.port}${path}`);
    return [statusCode, (await body.text()).trim()];
  };
  assert.deepEqual(await statusOf('/live'), [200, '{"live":true}']);
  assert.deepEqual(await statusOf('/ready'), [503, '{"ready":false,"started":false}']);
  assert.deepEqual(await statusOf('/health/queue'), [503, 'this process starts']);
});

test('what a process no longer depends on is gone from its metrics, and what others tell stays', async (t) => {
  const checks: Record<string, boolean> = { temporal: true, invoices: false };
  const { get, metrics } = await healthOf(t, checks);
  metrics.up.set({ dependency: 'mongodb' }, 1);
  const told = async () => {
    const { text } = await get('/metrics');
    return [...text.matchAll(/^despachante_dependency_up\{dependency="(\w+)"\}/gm)]
      .map(([, name]) => name)
      .sort();
  };
  assert.deepEqual(await told(), ['invoices', 'mongodb', 'temporal']);
  delete checks['invoices'];
  assert.deepEqual(await told(), ['mongodb', 'temporal']);
});

test('metrics are in the text format of Prometheus, and hold the state of the neighbours', async (t) => {
  const { get, metrics } = await healthOf(t, { rabbitmq: true, temporal: false });
  metrics.outcomes.inc({ outcome: 'registered' }, 3);
  const { status, type, text } = await get('/metrics');
  assert.equal(status, 200);
  assert.match(type, /^text\/plain; version=0\.0\.4/);
  assert.match(text, /^despachante_registrations_total\{outcome="registered"\} 3$/m);
  assert.match(text, /^despachante_dependency_up\{dependency="rabbitmq"\} 1$/m);
  assert.match(text, /^despachante_dependency_up\{dependency="temporal"\} 0$/m);
  assert.match(text, /^# HELP despachante_settle_lag_seconds /m);
});

test('a query, a slash at the end and the whole address of a proxy change nothing', async (t) => {
  const { get, port } = await healthOf(t, { rabbitmq: true });
  for (const path of ['/metrics?x=1', '/ready/', '/live/?a', '//ready', '/ready?', '/live#x']) {
    assert.equal((await get(path)).status, 200, path);
  }
  const whole = await rawAnswer(port, `GET http://health.example:${port}/ready HTTP/1.1`);
  assert.match(whole, /^HTTP\/1\.1 200 /);
  const head = await rawAnswer(port, 'HEAD /ready HTTP/1.1');
  assert.match(head, /^HTTP\/1\.1 200 [^]*\r\n\r\n$/);
});

test('connections that say nothing do not keep anybody from asking', async (t) => {
  const { get, port } = await healthOf(t, { rabbitmq: true });
  const ends: Promise<unknown>[] = [];
  for (let count = 0; count < 300; count += 1) {
    const silent = connect(port, '127.0.0.1');
    atEnd(t, () => void silent.destroy());
    await once(silent, 'connect');
    silent.on('error', () => {});
    ends.push(once(silent, 'close'));
  }
  assert.equal((await get('/ready')).status, 200);
  // The oldest are cut; without a bound none of them ever is as long as there are descriptors.
  await Promise.all(ends.slice(0, 200));
});

test('headers that never end and headers without measure are cut off', async (t) => {
  const { port } = await healthOf(t, {});
  const large = await rawAnswer(port, `GET /live HTTP/1.1\r\nx: ${'x'.repeat(20_000)}`);
  assert.match(large, /^HTTP\/1\.1 431 /);
  const slow = connect(port, '127.0.0.1');
  slow.write('GET /live HTTP/1.1\r\nx-begun: ');
  slow.resume();
  await once(slow, 'close');
});

test('any other path is answered with the ones there are', async (t) => {
  const { get } = await healthOf(t, {});
  const { status, text } = await get('/health');
  assert.equal(status, 404);
  assert.match(text, /\/live, \/ready or \/metrics/);
});

test('a port that is taken is told with the setting to change', async (t) => {
  const { port } = await healthOf(t, {});
  const metrics = createMetrics();
  await assert.rejects(serveHealth({ host: '127.0.0.1', port, metrics, health: () => null }), {
    message: new RegExp(`127\\.0\\.0\\.1:${port}.*EADDRINUSE.*"health"`),
  });
});

test('two sets of metrics do not get in each other’s way', async () => {
  const [one, other] = [createMetrics(), createMetrics()];
  one.duplicates.inc();
  assert.equal((await other.duplicates.get()).values[0]?.value, 0);
});

test('the queues of workers are told one by one, with 503 as soon as one cannot be taken from', async (t) => {
  const queues: Record<string, QueueHealth> = {
    emails: { status: 'healthy', closedBy: { paused: 'until 14:00' } },
    audio: { status: 'healthy', closedBy: {} },
  };
  const { get } = await healthOf(t, {}, () => queues);
  const well = await get('/health/queue');
  assert.deepEqual([well.status, JSON.parse(well.text)], [200, { status: 'healthy', queues }]);
  queues['audio'] = { status: 'unhealthy', closedBy: {} };
  const ill = await get('/health/queue');
  const body = { status: 'unhealthy', queues };
  assert.deepEqual([ill.status, JSON.parse(ill.text)], [503, { ...body, detail: body }]);
  const { get: without } = await healthOf(t, {});
  assert.equal((await without('/health/queue')).status, 404);
});
