/** Whether a redrive goes on, as everybody is told. Nobody works on these: Temporal has them run until they are ended here. */
import assert from 'node:assert/strict';
import { test, type TestContext } from 'node:test';
import { REDRIVE_TYPE, redriveId } from '../../src/domain/names.ts';
import { nothingFound } from '../../src/domain/redrive-order.ts';
import { concluded, goesOn } from '../../src/operations/redrive.ts';
import { redriveNotes, redriveWord } from '../../src/operations/redrive-notes.ts';
import type { Reach } from '../../src/operations/reach.ts';
import { createReadings } from '../../src/page/readings.ts';
import { silent } from '../../src/runtime/log.ts';
import { connectTemporal } from '../../src/temporal/client.ts';
import { atEnd, testDatabase, uniqueName } from '../helpers/servers.ts';
import { sampleConfig } from '../helpers/workers.ts';

const WORKER = 'Sample';
const DAY_MS = 86_400_000;
const begun = { by: 'ana', what: redriveWord(WORKER), on: 'all', reason: null };

async function place(t: TestContext) {
  const config = sampleConfig(uniqueName());
  const store = await testDatabase(t);
  const client = await connectTemporal(config);
  atEnd(t, () => client.connection.close());
  const { taskQueue } = config.temporal;
  const workflowId = redriveId(taskQueue, WORKER);
  const note = async (_id: string, at: Date) => {
    const document = { _id, at, ...begun, result: null };
    await store.actions.collection.insertOne(document);
    return document;
  };
  return {
    ...{ config, store, client, note },
    begin: async () => {
      const { firstExecutionRunId: id, ...handle } = await client.workflow.start(REDRIVE_TYPE, {
        ...{ args: [], workflowId, taskQueue },
      });
      const terminate = () => client.workflow.getHandle(workflowId).terminate('by hand');
      atEnd(t, () => terminate().then(undefined, () => {}));
      return { ...handle, id, terminate };
    },
    seen: (document: Awaited<ReturnType<typeof note>>) =>
      concluded({ config, store, client, worker: WORKER }, document),
  };
}

test('a redrive goes on while its run does, though another one was written down with a later time', async (t) => {
  const { begin, note, seen } = await place(t);
  const { id, terminate } = await begin();
  const running = await note(id, new Date());
  const other = await note('of a host whose clock is fast', new Date(Date.now() + 60_000));
  const { document, unasked } = await seen(running);
  assert.deepEqual([document.result, unasked], [null, null]);
  assert.match((await seen(other)).document.result?.text ?? '', /another has run since/);
  await terminate();
  assert.match((await seen(running)).document.result?.text ?? '', /terminated/);
});

test('a redrive that is paused goes on, and so does one of a status that is not known here', () => {
  assert.ok((['RUNNING', 'PAUSED', 'UNKNOWN'] as const).every(goesOn));
  assert.ok(
    !(['COMPLETED', 'FAILED', 'CANCELLED', 'TERMINATED', 'TIMED_OUT'] as const).some(goesOn),
  );
});

test('of one that Temporal has forgotten nobody knows, and after a day it is asked for no more', async (t) => {
  const { config, store, client, note } = await place(t);
  await note('old', new Date(Date.now() - 2 * DAY_MS));
  let asked = 0;
  const reach: Reach = {
    store: (work) => work(store),
    rabbit: () => Promise.reject(new Error('not asked here')),
    temporal(work) {
      asked += 1;
      return work(client);
    },
  };
  const { redrives } = createReadings(config, reach, silent);
  const read = async () => {
    redrives.expire();
    await redrives.refresh(0);
    const tile = redrives.tile(60_000);
    assert.ok(tile.state === 'value');
    return tile.value.map(({ unasked }) => unasked);
  };
  assert.deepEqual(await read(), ['Temporal has no run of it']);
  assert.deepEqual(await read(), ['Temporal has no run of it']);
  assert.equal(asked, 1);
});

test('a redrive was stopped by its canaries where they say so, whatever the words of its failure', async (t) => {
  const { store } = await place(t);
  const notes = redriveNotes(store.actions, WORKER);
  const report = {
    ...nothingFound(0),
    ...{ isStopped: false, canary: null, failure: null },
  };
  const stopped = async (action: string, more: object) => {
    await notes.begin(action, { by: 'ana', on: 'all', reason: null });
    await notes.end(action, { ...report, ...more });
    return (await store.actions.find(action))?.result?.isStoppedByCanaries;
  };
  assert.equal(await stopped('a', { failure: 'stopped after the canaries' }), false);
  assert.equal(await stopped('b', { canary: { passed: false, outcomes: [] } }), true);
});
