import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { TestContext } from 'node:test';
import { request } from 'undici';
import { serveHealth } from '../../src/health.ts';
import { createMetrics } from '../../src/metrics.ts';
import { atEnd } from '../helpers/servers.ts';

async function healthOf(t: TestContext, checks: Record<string, boolean>) {
  const metrics = createMetrics();
  const health = await serveHealth({ host: '127.0.0.1', port: 0, metrics, checks: () => checks });
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

test('any other path is answered with the ones there are', async (t) => {
  const { get } = await healthOf(t, {});
  const { status, text } = await get('/health');
  assert.equal(status, 404);
  assert.match(text, /\/live, \/ready or \/metrics/);
});

test('a port that is taken is told with the setting to change', async (t) => {
  const { port } = await healthOf(t, {});
  const metrics = createMetrics();
  await assert.rejects(serveHealth({ host: '127.0.0.1', port, metrics, checks: () => ({}) }), {
    message: new RegExp(`127\\.0\\.0\\.1:${port}.*EADDRINUSE.*"health"`),
  });
});

test('two sets of metrics do not get in each other’s way', async () => {
  const [one, other] = [createMetrics(), createMetrics()];
  one.duplicates.inc();
  assert.equal((await other.duplicates.get()).values[0]?.value, 0);
});
