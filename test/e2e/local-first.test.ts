/** Steps that are tried inside the workflow task: what becomes of those that fail there (docs/decisions/0008-local-first.md). */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { eventually } from '../helpers/eventually.ts';
import { flowOf } from '../helpers/flow.ts';
import { uniqueName } from '../helpers/servers.ts';
import { startSystem } from '../helpers/system.ts';
import { json, webServer } from '../helpers/web-server.ts';

test('a poll that nobody answers is given to the server before the SDK prolongs its workflow task', async (t) => {
  let isWell = false;
  const legacy = await webServer(t, ({ method }, response) => {
    if (method === 'POST') json(response, 201, { id: 'REQ-1' });
    else if (isWell) json(response, 200, { id: 'REQ-1', status: 'done' });
  });
  const system = await startSystem(t, {
    legacyUrl: legacy.url,
    env: { DESPACHANTE_LEGACY_TIMEOUT: '12s' },
  });
  const flow = flowOf(system);
  const id = uniqueName();
  await flow.publish({ id });
  const run = await flow.runOf(id);
  const events = await eventually('the server has the poll', async () => {
    const { events } = await run.fetchHistory();
    const polls = (events ?? []).filter(
      ({ activityTaskScheduledEventAttributes: task }) => task?.activityType?.name === 'poll',
    );
    assert.equal(polls.length, 1);
    return events ?? [];
  });
  // A task that is prolonged is completed and scheduled again with nothing in between.
  const prolonged = events.filter(
    (event, at) =>
      event.workflowTaskCompletedEventAttributes &&
      events[at + 1]?.workflowTaskScheduledEventAttributes,
  );
  assert.deepEqual(prolonged, []);
  isWell = true;
  assert.equal(await flow.outcomeOf(id), 'registered');
});

test('a poll that fails is given to the server in the same workflow task, which does not fail with it', async (t) => {
  let asked = 0;
  const legacy = await webServer(t, ({ method }, response) => {
    if (method === 'POST') json(response, 201, { id: 'REQ-1' });
    else if (++asked === 1) json(response, 503, {});
    else json(response, 200, { id: 'REQ-1', status: 'done' });
  });
  const system = await startSystem(t, { legacyUrl: legacy.url });
  const flow = flowOf(system);
  const id = uniqueName();
  await flow.publish({ id });
  assert.equal(await flow.outcomeOf(id), 'registered');
  const { events } = await (await flow.runOf(id)).fetchHistory();
  const scheduled = (events ?? []).flatMap(
    ({ activityTaskScheduledEventAttributes: task }) => task?.activityType?.name ?? [],
  );
  assert.deepEqual(scheduled, ['submit', 'poll']);
  const failed = (events ?? []).filter((event) => event.workflowTaskFailedEventAttributes);
  assert.deepEqual(failed, []);
});
