/** What a process says of itself while it is replaced, and while its neighbours are away: see docs/how-to/upgrade.md. */
import assert from 'node:assert/strict';
import type { ServerResponse } from 'node:http';
import { test } from 'node:test';
import { eventually } from '../helpers/eventually.ts';
import { flowOf } from '../helpers/flow.ts';
import type { Flow } from '../helpers/flow.ts';
import { uniqueName } from '../helpers/servers.ts';
import { startSystem } from '../helpers/system.ts';
import type { Role } from '../helpers/system.ts';
import { json, webServer } from '../helpers/web-server.ts';

const isDraining = (flow: Flow, role: Role) =>
  eventually(`the ${role} drains`, async () => {
    const { status, text } = await flow.ask(role, '/ready');
    assert.equal(status, 503);
    assert.match(text, /"accepting":false/);
    assert.equal((await flow.ask(role, '/live')).status, 200);
  });

test('a worker that is told to stop is not ready, is live, and writes down what was on the wire', async (t) => {
  const held: ServerResponse[] = [];
  const legacy = await webServer(t, ({ method }, response) => {
    if (method === 'POST') held.push(response);
    else json(response, 200, { id: 'REQ-1', status: 'done' });
  });
  const system = await startSystem(t, {
    legacyUrl: legacy.url,
    env: { DESPACHANTE_LEGACY_TIMEOUT: '30s', DESPACHANTE_WORKER_SHUTDOWN_GRACE: '30s' },
  });
  const flow = flowOf(system);
  const id = uniqueName();
  await flow.publish({ id });
  await eventually('a POST is on the wire', () => assert.equal(held.length, 1));
  const stopping = system.stop('worker');
  await isDraining(flow, 'worker');
  const [answer] = held;
  assert.ok(answer);
  json(answer, 201, { id: 'REQ-1' });
  assert.equal(await stopping, 0);
  assert.equal((await flow.tally(id)).inDoubt, 0);
  await system.start('worker');
  assert.equal(await flow.outcomeOf(id), 'registered');
  assert.equal(held.length, 1, 'it was POSTed once');
});

test('a worker that stops waits beyond its grace for a POST, as long as that may be answered', async (t) => {
  // More than the 10 s that everybody gets.
  const answersAfterMs = 12_000;
  let posts = 0;
  const legacy = await webServer(t, ({ method }, response) => {
    if (method !== 'POST') return json(response, 200, { id: 'REQ-1', status: 'done' });
    posts += 1;
    setTimeout(() => json(response, 201, { id: 'REQ-1' }), answersAfterMs);
  });
  const system = await startSystem(t, {
    legacyUrl: legacy.url,
    env: { DESPACHANTE_LEGACY_TIMEOUT: '20s', DESPACHANTE_WORKER_SHUTDOWN_GRACE: '1s' },
  });
  const flow = flowOf(system);
  const id = uniqueName();
  await flow.publish({ id });
  await eventually('a POST is on the wire', () => assert.equal(posts, 1));
  assert.equal(await system.stop('worker'), 0);
  assert.equal((await flow.tally(id)).inDoubt, 0);
  await system.start('worker');
  assert.equal(await flow.outcomeOf(id), 'registered');
  assert.equal(posts, 1, 'it was POSTed once');
});

test('an intake that is told to stop is not ready, is live, and hands over what it holds', async (t) => {
  const system = await startSystem(t, { proxied: ['TEMPORAL_ADDRESS'] });
  const flow = flowOf(system);
  system.proxy('TEMPORAL_ADDRESS').close();
  const id = uniqueName();
  await flow.publish({ id });
  await eventually('it holds what Temporal cannot take', async () => {
    assert.match((await flow.ask('intake', '/ready')).text, /"rabbitmq":true,"temporal":false/);
  });
  const stopping = system.stop('intake');
  await isDraining(flow, 'intake');
  system.proxy('TEMPORAL_ADDRESS').open();
  assert.equal(await stopping, 0);
  assert.equal(await system.depth(system.config.rabbit.intakeQueue), 0);
  assert.equal(await flow.outcomeOf(id), 'registered');
});

test('with every neighbour away both are live and not ready, and are ready again when they are back', async (t) => {
  const system = await startSystem(t, { proxied: ['TEMPORAL_ADDRESS', 'AMQP_URL'] });
  const flow = flowOf(system);
  const roles: Role[] = ['worker', 'intake'];
  const isReady = (status: number) =>
    eventually(`both answer ${status}`, async () => {
      for (const role of roles) {
        assert.equal((await flow.ask(role, '/ready')).status, status);
        assert.equal((await flow.ask(role, '/live')).status, 200);
      }
    });
  await isReady(200);
  for (const server of ['TEMPORAL_ADDRESS', 'AMQP_URL'] as const) system.proxy(server).close();
  await isReady(503);
  for (const server of ['TEMPORAL_ADDRESS', 'AMQP_URL'] as const) system.proxy(server).open();
  await isReady(200);
});
