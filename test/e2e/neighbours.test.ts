/**
 * Of the registrations of one run, one that is slow or waits holds nobody back. Told by order, not by time: what is slow is
 * answered only after the others have been seen at their destination.
 */
import assert from 'node:assert/strict';
import type { ServerResponse } from 'node:http';
import { test } from 'node:test';
import { declareQueues } from '../../src/broker/rabbitmq/queues.ts';
import { eventually } from '../helpers/eventually.ts';
import { flowOf } from '../helpers/flow.ts';
import { uniqueName } from '../helpers/servers.ts';
import { startSystem, type Scope } from '../helpers/system.ts';
import { json, webServer, type SeenRequest } from '../helpers/web-server.ts';

/** Shorter than any deadline of the legacy system here: nobody was waited for to time out. */
const SOON_MS = 30_000;

type Kind = 'post' | 'get' | 'lookUp';

const idOf = ({ method, path, body }: SeenRequest): string =>
  method === 'POST'
    ? (/"id":"([^"]+)"/.exec(body)?.[1] ?? '')
    : (/(?:REQ-|externalId=)([^/?&]+)$/.exec(path)?.[1] ?? '');
const kindOf = ({ method, path }: SeenRequest): Kind =>
  method === 'POST' ? 'post' : path.includes('externalId=') ? 'lookUp' : 'get';

/** A legacy system that keeps what the test wants to answer itself, and answers all else at once. */
async function slowLegacy(
  t: Scope,
  isKept: (kind: Kind, id: string) => boolean,
  isLost: (id: string) => boolean = () => false,
) {
  const kept = new Map<string, ServerResponse>();
  /** Who asks again for what was let go is answered: an answer that nobody waited for is asked for anew. */
  const letGo = new Set<string>();
  const server = await webServer(t, (request, response) => {
    const [kind, id] = [kindOf(request), idOf(request)];
    if (kind === 'post' && isLost(id)) response.destroy();
    else if (isKept(kind, id) && !letGo.has(`${kind} ${id}`)) kept.set(`${kind} ${id}`, response);
    else answer(kind, id, response);
  });
  return {
    url: server.url,
    posts: (ending = '') =>
      server.seen.filter((each) => kindOf(each) === 'post' && idOf(each).endsWith(ending)).length,
    isOnTheWire: (kind: Kind, id: string) =>
      eventually(`the ${kind} of ${id} is on the wire`, () => assert.ok(kept.has(`${kind} ${id}`))),
    letGo(kind: Kind, id: string): void {
      const response = kept.get(`${kind} ${id}`);
      assert.ok(response, `no ${kind} of ${id} is waiting`);
      kept.delete(`${kind} ${id}`);
      letGo.add(`${kind} ${id}`);
      answer(kind, id, response);
    },
  };
}

function answer(kind: Kind, id: string, response: ServerResponse): void {
  if (kind === 'post') json(response, 201, { id: `REQ-${id}` });
  else if (kind === 'get') json(response, 200, { id: `REQ-${id}`, status: 'done' });
  else json(response, 200, [{ externalId: id, id: `REQ-${id}` }]);
}

/** A run of so many registrations `<prefix>-0` …; the intake is started when all are in the queue. */
async function runOf(
  t: Scope,
  {
    legacyUrl,
    count,
    env = {},
  }: { legacyUrl: string; count: number; env?: Record<string, string> },
) {
  const system = await startSystem(t, {
    legacyUrl,
    roles: ['worker'],
    env: { DESPACHANTE_LEGACY_TIMEOUT: '60s', ...env },
  });
  const flow = flowOf(system);
  const prefix = uniqueName();
  await declareQueues(system.connection, system.config.rabbit);
  await flow.publishMany(prefix, count);
  await system.start('intake');
  const registered = async (): Promise<string[]> => {
    const of = { item: new RegExp(`^${prefix}-`), 'outcome.kind': 'registered' };
    const claims = await system.store.claims.collection.find(of).toArray();
    return claims.flatMap(({ item, settledAt }) => (settledAt ? [item] : []));
  };
  const areRegistered = (howMany: number, withinMs = SOON_MS) =>
    eventually(
      `${howMany} are registered`,
      async () => assert.equal((await registered()).length, howMany),
      withinMs,
    );
  const entry = async (id: string) =>
    (await system.store.journal.read([`${id}~0#1`])).get(`${id}~0#1`);
  return { system, flow, prefix, registered, areRegistered, entry };
}

test('one slow POST in fifty: the other 49 are registered while it is on the wire', async (t) => {
  const legacy = await slowLegacy(t, (kind, id) => kind === 'post' && id.endsWith('-7'));
  const run = await runOf(t, { legacyUrl: legacy.url, count: 50 });
  const slow = `${run.prefix}-7`;
  await run.areRegistered(49);
  await legacy.isOnTheWire('post', slow);
  const { collection } = run.system.store.claims;
  const { workflowId = '' } = (await collection.findOne({ item: slow })) ?? {};
  assert.ok((await collection.countDocuments({ workflowId })) > 1, 'others were in its run');
  legacy.letGo('post', slow);
  await run.areRegistered(50);
  assert.equal(legacy.posts(), 50, 'each was POSTed once');
});

test('several slow POSTs, all but one of the slots: the others are registered meanwhile', async (t) => {
  const isSlow = (id: string): boolean => /-[0-6]$/.test(id);
  const legacy = await slowLegacy(t, (kind, id) => kind === 'post' && isSlow(id));
  const run = await runOf(t, {
    legacyUrl: legacy.url,
    count: 40,
    env: { DESPACHANTE_LEGACY_MAX_CONCURRENT: '8' },
  });
  await run.areRegistered(33);
  for (let n = 0; n <= 6; n++) legacy.letGo('post', `${run.prefix}-${n}`);
  await run.areRegistered(40);
  assert.equal(legacy.posts(), 40);
});

test('a hundred wait for legacy.maxSubmitsPerSecond: the first are registered before the last are sent', async (t) => {
  const legacy = await slowLegacy(t, () => false);
  const run = await runOf(t, {
    legacyUrl: legacy.url,
    count: 100,
    env: { DESPACHANTE_LEGACY_MAX_SUBMITS_PER_SECOND: '8' },
  });
  await eventually('the first is registered', async () => {
    assert.ok((await run.registered()).length > 0);
  });
  assert.ok(legacy.posts() < 100, 'all were sent before one was registered');
  await run.areRegistered(100, 90_000);
  assert.equal(legacy.posts(), 100);
});

for (const local of ['true', 'false']) {
  test(`one slow GET in fifty: the other 49 are registered while it is on the wire (local activities: ${local})`, async (t) => {
    const legacy = await slowLegacy(t, (kind, id) => kind === 'get' && id.endsWith('-7'));
    const run = await runOf(t, {
      legacyUrl: legacy.url,
      count: 50,
      env: { DESPACHANTE_TEST_CONSTANTS: `temporal.localActivities=${local}` },
    });
    await run.areRegistered(49);
    legacy.letGo('get', `${run.prefix}-7`);
    await run.areRegistered(50);
  });
}

test('a look-up that hangs: what the others have found is registered meanwhile', async (t) => {
  const legacy = await slowLegacy(
    t,
    (kind, id) => kind === 'lookUp' && id.endsWith('-7'),
    (id) => /-(7|8)$/.test(id),
  );
  const run = await runOf(t, {
    legacyUrl: legacy.url,
    count: 10,
    env: {
      DESPACHANTE_LEGACY_ON_UNKNOWN: 'lookup',
      DESPACHANTE_LEGACY_LOOKUP_PATH: '/registrations?externalId={id}',
      DESPACHANTE_LEGACY_BREAKER_ENABLED: 'false',
    },
  });
  // The answers to two POSTs are lost; both are looked up, and one of the look-ups is not answered.
  await legacy.isOnTheWire('lookUp', `${run.prefix}-7`);
  await run.areRegistered(9);
  legacy.letGo('lookUp', `${run.prefix}-7`);
  await run.areRegistered(10);
  assert.equal(legacy.posts(), 10);
});

test('a worker is killed with one slow POST on the wire: that one is in doubt, the others are registered, none is sent twice', async (t) => {
  const legacy = await slowLegacy(t, (kind, id) => kind === 'post' && id.endsWith('-7'));
  const run = await runOf(t, {
    legacyUrl: legacy.url,
    count: 50,
    env: { DESPACHANTE_LEGACY_TIMEOUT: '20s' },
  });
  await eventually('the journal knows of the others that they are accepted', async () => {
    const states = { _id: new RegExp(`^${run.prefix}-`), state: 'accepted' } as const;
    assert.equal(await run.system.store.journal.collection.countDocuments(states), 49);
  });
  await run.system.kill('worker');
  await run.system.start('worker');
  await run.areRegistered(49);
  await eventually('the slow one is in doubt', async () => {
    assert.equal((await run.entry(`${run.prefix}-7`))?.state, 'unknown');
  });
  assert.equal(legacy.posts('-7'), 1);
});

test('a run is cancelled with one slow POST on the wire: its answer is kept, under its request id', async (t) => {
  const legacy = await slowLegacy(t, (kind, id) => kind === 'post' && id.endsWith('-7'));
  const run = await runOf(t, { legacyUrl: legacy.url, count: 50 });
  const slow = `${run.prefix}-7`;
  await run.areRegistered(49);
  await (await run.flow.runOf(slow)).cancel();
  await eventually('the run knows that it is cancelled', async () => {
    const { events } = await (await run.flow.runOf(slow)).fetchHistory();
    const asked = (events ?? []).findIndex(
      (event) => event.workflowExecutionCancelRequestedEventAttributes,
    );
    const decided = (events ?? []).slice(asked).some((e) => e.workflowTaskCompletedEventAttributes);
    assert.ok(asked >= 0 && decided);
  });
  legacy.letGo('post', slow);
  const { outcome } = await run.flow.settled(slow);
  assert.deepEqual([outcome?.kind, outcome?.requestId], ['cancelled', `REQ-${slow}`]);
  assert.equal(legacy.posts('-7'), 1);
});

test('a worker is told to stop with one slow POST on the wire: it waits for the answer, and nothing is in doubt', async (t) => {
  const legacy = await slowLegacy(t, (kind, id) => kind === 'post' && id.endsWith('-7'));
  const run = await runOf(t, { legacyUrl: legacy.url, count: 50 });
  const slow = `${run.prefix}-7`;
  await run.areRegistered(49);
  const stopping = run.system.stop('worker');
  await eventually('it drains', async () => {
    assert.match((await run.flow.ask('worker', '/ready')).text, /"accepting":false/);
  });
  legacy.letGo('post', slow);
  assert.equal(await stopping, 0);
  assert.equal((await run.entry(slow))?.state, 'accepted');
  await run.system.start('worker');
  await run.areRegistered(50);
  assert.equal(legacy.posts('-7'), 1);
});
