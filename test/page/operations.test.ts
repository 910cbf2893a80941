/** The page on real servers: what it shows is so, what is done there is done, and goes on without it. */
import assert from 'node:assert/strict';
import { join } from 'node:path';
import { after, afterEach, test } from 'node:test';
import { z } from 'zod';
import { action, operation } from '../../src/page/action-views.ts';
import type { Sent } from '../../src/page/kinds.ts';
import { failures, items, session } from '../../src/page/schemas.ts';
import { doubts, groups, limits, overview } from '../../src/page/views.ts';
import { redriveId } from '../../src/domain/names.ts';
import { startChild } from '../../src/runtime/child.ts';
import { eventually } from '../helpers/eventually.ts';
import { flowOf } from '../helpers/flow.ts';
import { atEnd, uniqueName } from '../helpers/servers.ts';
import { startSystem } from '../helpers/system.ts';
import { startPage } from './pages.ts';

const system = await startSystem({ after, afterEach });
const flow = flowOf(system);
const { store } = system;
const { failureQueue } = system.config.rabbit;
const page = await startPage({ after }, system.config);
const operator = await page.signIn('revealer');
/** One alone may do so much in a minute. */
const another = await page.signIn('operator');
const viewer = await page.signIn('viewer');

const get = async <S extends z.ZodType>(schema: S, path: string, token = operator) => {
  const { status, json, text } = await page.ask(path, { token });
  assert.equal(status, 200, text);
  return schema.parse(json);
};
const post = (path: string, body: unknown, token = operator) =>
  page.ask(path, { method: 'POST', token, body });

/** With the value that it has; fails while it has none. */
function known<T>(tile: { state: string; value?: T; reason?: string }): T {
  assert.ok(tile.state === 'value' && tile.value !== undefined, tile.reason);
  return tile.value;
}

const overviewNow = () => get(overview, '/api/v1/overview');
const groupsNow = async () => known((await get(groups, '/api/v1/groups')).groups).largest;
const named = z.object({ id: z.string() });

const refusedTimes = (refuseTimes: number, refuse = 'nome ausente em 4711') => ({
  simulate: { refuse, refuseTimes },
});

/** So many that were refused, in a group of their own. */
async function refused(
  count: number,
  refuseTimes: number,
): Promise<{ prefix: string; group: string }> {
  const prefix = uniqueName();
  const word = `w${prefix.replaceAll(/\W|\d/g, '')}`;
  await flow.publishMany(prefix, count, refusedTimes(refuseTimes, `${word} is not there, 4711`));
  const group = await eventually('the group is shown', async () => {
    const found = (await groupsNow()).find(({ reason }) => reason.includes(word));
    assert.equal(found?.waiting, count);
    return found.reason;
  });
  return { prefix, group };
}

const redriveOf = (group: string, more: object) => ({
  ...{ flow: 'registrations', class: 'rejected', group, ids: [], reason: 'it is mended' },
  ...{ canary: null, perSecond: null, ...more },
});

const ended = (id: string): Promise<Sent<typeof operation>> =>
  eventually('the redrive has ended', async () => {
    const { json } = await page.ask(`/api/v1/operations/${id}`, { token: operator });
    const found = operation.parse(json);
    assert.equal(found.state, 'ended');
    return z.encode(operation, found);
  });

test('a group that is refused again stops after its canary, and one that is mended goes through', async () => {
  const { prefix, group } = await refused(6, 2);
  const first = await post('/api/v1/redrives', redriveOf(group, { expectedCount: 6, canary: 2 }));
  assert.equal(first.status, 202, first.text);
  const { id } = named.parse(first.json);
  const stopped = await ended(id);
  assert.ok(stopped.isStoppedByCanaries);
  assert.deepEqual(stopped.canaries?.outcomes, { rejected: 2 });
  assert.deepEqual([stopped.sent, stopped.by, stopped.via], [2, 'rita', 'page']);
  assert.deepEqual(stopped.order, { class: 'rejected', group });

  // The two of the canary are redriven for the last time that they are refused.
  const again = async () => {
    const found = (await groupsNow()).find(({ reason }) => reason === group);
    const body = redriveOf(group, { expectedCount: found?.waiting ?? 0 });
    // The one before may have said its end, and its run still end.
    const begun = await eventually('it is begun', async () => {
      const answer = await post('/api/v1/redrives', body);
      assert.equal(answer.status, 202, answer.text);
      return answer;
    });
    return ended(named.parse(begun.json).id);
  };
  await eventually('all wait again', async () => {
    assert.equal((await groupsNow()).find(({ reason }) => reason === group)?.waiting, 6);
  });
  await again();
  await eventually('four are refused once more', async () => {
    assert.equal((await groupsNow()).find(({ reason }) => reason === group)?.waiting, 4);
  });
  await again();
  await eventually('all are registered', async () => {
    const registered = { item: { $regex: `^${prefix}-` }, 'outcome.kind': 'registered' };
    assert.equal(await store.claims.collection.countDocuments(registered), 6);
  });
});

test('who expected another number than there is by now is told, and nothing happens', async () => {
  const { group } = await refused(3, 1);
  const { status, text } = await post('/api/v1/failures/drop', {
    flow: 'registrations',
    class: 'rejected',
    group,
    ids: [],
    expectedCount: 30,
    reason: 'old',
  });
  assert.equal(status, 409, text);
  const dropped = await post('/api/v1/failures/drop', {
    flow: 'registrations',
    class: 'rejected',
    group,
    ids: [],
    expectedCount: 3,
    reason: 'old',
  });
  assert.equal(dropped.status, 200, dropped.text);
  await system.hasDepth(failureQueue, 0);
});

test('a redrive goes on when the page that began it is killed, and another page shows its end', async (t) => {
  const { group } = await refused(60, 1);
  const child = await startChild({
    args: ['page', '--port', '0'],
    env: system.env,
    logFile: join(system.folder, 'page.log'),
  });
  atEnd(t, () => child.kill());
  const [origin = '', token] = (child.facts.url ?? '').split('/#token=');
  const ask = async (path: string, body: object, bearer = '') => {
    const answer = await fetch(origin + path, {
      method: 'POST',
      headers: {
        ...{ origin, 'content-type': 'application/json', 'idempotency-key': uniqueName() },
        authorization: `Bearer ${bearer}`,
      },
      body: JSON.stringify(body),
    });
    return answer.json();
  };
  const opened = session.parse(await ask('/api/v1/session', { token }));
  const body = redriveOf(group, { expectedCount: 60, perSecond: 20 });
  const { id } = named.parse(await ask('/api/v1/redrives', body, opened.token ?? ''));
  await eventually('some are sent', async () => {
    assert.ok(((await store.actions.find(id))?.progress?.sent ?? 0) > 0);
  });
  await child.kill();
  assert.equal((await ended(id)).sent, 60);
});

test('a redrive whose run somebody has terminated has ended, and says so to everybody', async () => {
  const { group } = await refused(40, 1);
  const body = redriveOf(group, { expectedCount: 40, perSecond: 1 });
  const { id } = named.parse((await post('/api/v1/redrives', body, another)).json);
  await eventually('some are sent', async () => {
    assert.ok(((await store.actions.find(id))?.progress?.sent ?? 0) > 0);
  });
  const { temporal } = system.config;
  const workflowId = redriveId(temporal.taskQueue, failureQueue);
  await system.client.workflow.getHandle(workflowId).terminate('by hand');
  const { result, isStoppedByCanaries } = await ended(id);
  assert.match(result?.text ?? '', /terminated/);
  assert.equal(isStoppedByCanaries, false);
  assert.match((await store.actions.find(id))?.result?.text ?? '', /terminated/);
});

test('a queue that does not exist holds no zero messages', async (t) => {
  const rabbit = { ...system.config.rabbit, intakeQueue: uniqueName() };
  const other = await startPage(t, { ...system.config, rabbit });
  const token = await other.signIn('viewer');
  const { waiting, verdict } = overview.parse(
    (await other.ask('/api/v1/overview', { token })).json,
  );
  assert.deepEqual(waiting, {
    state: 'unknown',
    reason: `There is no queue "${rabbit.intakeQueue}": an intake that starts makes it`,
  });
  assert.equal(verdict.state, 'unknown', 'an intake runs, which has to have one');
});

test('the verdict says that a worker is paused, and nothing else', async () => {
  const said = { flow: 'orders', reason: 'their month end' };
  assert.equal((await post('/api/v1/pause', said, another)).status, 200);
  await eventually('the verdict says so', async () => {
    const { verdict } = await overviewNow();
    assert.ok(verdict.state === 'paused', JSON.stringify(verdict));
    assert.deepEqual([verdict.sources, verdict.reason], [['orders'], 'their month end']);
  });
  assert.equal((await post('/api/v1/resume', said, another)).status, 200);
});

test('a pause is seen, belongs to somebody, and is not said twice', async () => {
  const body = { flow: null, reason: 'the core is updated' };
  assert.equal((await post('/api/v1/pause', body)).status, 200);
  await eventually('the verdict says so', async () => {
    const { verdict } = await overviewNow();
    assert.ok(verdict.state === 'paused' && verdict.by === 'rita', JSON.stringify(verdict));
  });
  assert.equal((await post('/api/v1/pause', body)).status, 412);
  assert.equal((await post('/api/v1/resume', body)).status, 200);
  assert.equal((await post('/api/v1/resume', body)).status, 412);
});

test('of two who change the limits, the second is told who was first', async () => {
  const now = known((await get(limits, '/api/v1/limits')).limits);
  const change = (version: string) =>
    page.ask('/api/v1/limits', {
      ...{ method: 'POST', token: operator, headers: { 'if-match': `"${version}"` } },
      body: { values: { maxSubmitsPerSecond: 50 }, unset: [], reason: 'slower' },
    });
  assert.equal((await change(now.version)).status, 200);
  const late = await change(now.version);
  assert.equal(late.status, 412);
  assert.match(late.text, /rita/);
  const unset = { values: {}, unset: ['maxSubmitsPerSecond'], reason: 'over' };
  assert.equal((await post('/api/v1/limits', unset)).status, 200);
});

test('a doubt is listed, decided once, and a double click decides nothing twice', async () => {
  const id = uniqueName();
  await flow.publish({ id, simulate: { loseAnswer: true } });
  await eventually('it is in doubt', async () => {
    const { oldest } = known((await get(doubts, '/api/v1/doubts')).doubts);
    assert.ok(oldest.some((each) => each.id === id));
  });
  const said = { decision: 'abandon', requestId: null, reason: 'not there' };
  const seen = { id, generation: 0, submission: 1 };
  // As somebody says it who has looked before another did, and had it submitted again.
  const late = await post('/api/v1/doubts/decisions', {
    ...{ ...said, doubts: [{ ...seen, submission: 0 }] },
  });
  assert.equal(late.status, 200, late.text);
  assert.match(late.text, /"isDone":false,"as":"refused".*another doubt now/);
  const body = { ...said, doubts: [seen] };
  const headers = { 'idempotency-key': uniqueName() };
  const click = () =>
    page.ask('/api/v1/doubts/decisions', { method: 'POST', token: operator, headers, body });
  const [one, two] = await Promise.all([click(), click()]);
  assert.equal(one.status, 200, one.text);
  assert.deepEqual(one.json, two.json);
  const { items: found } = await eventually('its story has its end', async () => {
    const story = await get(items, `/api/v1/items/${id}`);
    assert.equal(story.items[0]?.state, 'ended');
    return story;
  });
  const kinds = found[0]?.events.map(({ kind, as }) => [kind, as].join(' ').trim()) ?? [];
  assert.deepEqual(kinds.slice(0, 3), ['received', 'claimed', 'submitted']);
  assert.ok(kinds.includes('outcome in-doubt'), kinds.join());
  const acted = store.actions.collection.countDocuments({ what: 'doubts abandon', on: id });
  assert.equal(await acted, 1);
});

test('a viewer is refused what acts, and that is written down, within bounds', async () => {
  for (let n = 0; n < 12; n += 1) {
    const { status } = await post('/api/v1/pause', { flow: null, reason: 'x' }, viewer);
    assert.equal(status, 403);
  }
  await eventually('it is written down', async () => {
    const denied = await store.actions.collection.find({ by: 'vera' }).toArray();
    assert.equal(denied.length, 5);
    for (const { result } of denied) assert.match(result?.text ?? '', /denied/);
  });
  assert.equal((await store.control.read()).pause, null);
});

test('hostile text comes back as JSON, and nothing of it as anything else', async () => {
  const nasty = `<img src=x onerror=alert(1)>\u202e"};</script>\u001b[31m${'x'.repeat(400)}`;
  const id = `${uniqueName()}<b>`;
  await flow.publish({ id, simulate: { refuse: nasty } });
  const list = '/api/v1/failures?flow=registrations&class=rejected&limit=200';
  const found = await eventually('it is listed', async () => {
    const one = (await get(failures, list)).failures.find((each) => each.id === id);
    assert.ok(one);
    return one;
  });
  assert.ok(found.reason?.includes('<img src=x onerror=alert(1)>'), found.reason ?? '');
  const { text, headers } = await page.ask(list, { token: operator });
  assert.match(headers.get('content-type') ?? '', /^application\/json/);
  assert.doesNotMatch(text, /[\u0000-\u001f\u007f-\u009f\u202a-\u202e]/);
  const shown = await get(failures, list, viewer);
  assert.ok(shown.failures.length > 0);

  const body = { flow: 'registrations', record: found.record, reason: 'a complaint' };
  const { status, text: told } = await post('/api/v1/items/reveal', body);
  assert.equal(status, 200, told);
  const revealed = z.object({ text: z.string() }).parse(JSON.parse(told));
  assert.ok(revealed.text.includes('onerror'));
  const listed = z.object({ actions: z.object({ value: z.array(action) }) });
  await eventually('it is told who has seen it, and why', async () => {
    const { json } = await page.ask('/api/v1/actions', { token: viewer });
    const { value } = listed.parse(json).actions;
    const reveals = value.filter(({ what }) => what === 'reveal');
    assert.deepEqual(
      reveals.map(({ by, reason }) => [by, reason]),
      [['rita', 'a complaint']],
    );
  });
});

test('an audit is begun once, and its sum is kept', async () => {
  const begun = await post('/api/v1/audits', { flow: 'registrations', reason: 'at night' });
  assert.equal(begun.status, 202, begun.text);
  const { id } = named.parse(begun.json);
  await eventually('it has ended', async () => {
    const { result, report } = (await store.actions.find(id)) ?? {};
    assert.equal(result?.text, 'holds', JSON.stringify(result));
    assert.ok(report?.sums.some(({ name }) => name === 'registered'));
  });
});
