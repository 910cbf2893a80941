/** Runs that are terminated in mid-flight: what they leave is taken up again, and filed once. */
import assert from 'node:assert/strict';
import { after, afterEach, test } from 'node:test';
import { z } from 'zod';
import { defineSearchAttributeKey } from '@temporalio/common';
import { ATTRIBUTE_IDS, WORKFLOW_TYPE } from '../../src/domain/names.ts';
import { eventually } from '../helpers/eventually.ts';
import { flowOf } from '../helpers/flow.ts';
import { NOBODY } from '../helpers/activities.ts';
import { uniqueName } from '../helpers/servers.ts';
import { sweepScheduleOf } from '../helpers/sweeps.ts';
import { startSystem } from '../helpers/system.ts';

const scope = { after, afterEach };
const system = await startSystem(scope, {
  env: { DESPACHANTE_TEST_CONSTANTS: 'sweeper.olderThan=0' },
});
const flow = flowOf(system);
const { client, store } = system;
const schedule = sweepScheduleOf(scope, system);

const ITEM_IDS = defineSearchAttributeKey(ATTRIBUTE_IDS, 'KEYWORD_LIST');
const idsOf = (prefix: string, count: number) =>
  Array.from({ length: count }, (_, n) => `${prefix}-${n}`);

/** Ends the runs of these registrations as an operator may in Temporal Web: they run no more code. */
async function terminateRunsOf(ids: string[]): Promise<void> {
  const claims = await store.claims.find(ids.map((id) => `${id}~0`));
  assert.equal(claims.size, ids.length);
  for (const workflowId of new Set([...claims.values()].map((claim) => claim.workflowId))) {
    await client.workflow.getHandle(workflowId).terminate('the test is about it');
  }
}

const answer = z.object({
  stranded: z.array(z.object({ id: z.string(), run: z.string() })),
  unreadable: z.array(z.object({ workflowId: z.string(), reason: z.string() })),
  started: z.array(z.string()),
});

/** Waits until just these are stranded: the list of open runs lags. */
const strandedAre = (ids: string[]) =>
  eventually(`${ids.length} are stranded`, async () => {
    const { stranded, started } = answer.parse(await flow.json('sweep', '--dry-run'));
    assert.deepEqual(stranded.map(({ id }) => id).sort(), [...ids].sort());
    assert.deepEqual(new Set(stranded.map(({ run }) => run)), new Set(['closed']));
    assert.deepEqual(started, []);
  });

async function sweep(): Promise<string[]> {
  return answer.parse(await flow.json('sweep')).started;
}

function assertFiledOnce(ids: string[]): void {
  for (const id of ids) {
    assert.deepEqual(
      flow.postsOf(id).map(({ event }) => event),
      ['accepted'],
      id,
    );
  }
}

test('what was accepted when its run was terminated is polled on by the run that a sweep starts, and never submitted again', async () => {
  const prefix = uniqueName();
  const ids = idsOf(prefix, 30);
  await flow.publishMany(prefix, ids.length, { simulate: { latencyMs: 4_000 } });
  await flow.allAccepted(prefix, ids.length);
  await terminateRunsOf(ids);
  await strandedAre(ids);
  const report = await flow.audit();
  assert.equal(report.stranded.length, ids.length);
  assert.equal((await sweep()).length, 1);
  await flow.allRegistered(prefix, ids.length);
  assertFiledOnce(ids);
  assert.deepEqual(await sweep(), [], 'nothing is left for a second sweep');
});

test('what was claimed and not submitted when its run was terminated is submitted once, as it was delivered', async () => {
  const prefix = uniqueName();
  const ids = idsOf(prefix, 30);
  await system.stop('worker');
  await system.start('worker', { LEGACY_URL: NOBODY });
  await flow.publishMany(prefix, ids.length);
  await Promise.all(ids.map((id) => flow.claimed(id)));
  await terminateRunsOf(ids);
  await system.stop('worker');
  await system.start('worker');
  await strandedAre(ids);
  await sweep();
  await flow.allRegistered(prefix, ids.length);
  assertFiledOnce(ids);
});

/** Publishes while no worker is there, and ends the runs of it as they wait. */
async function terminateUnclaimed(prefix: string, count: number): Promise<void> {
  await flow.publishMany(prefix, count);
  const query = `TaskQueue = "${system.config.temporal.taskQueue}" AND ExecutionStatus = "Running"`;
  const runs = await eventually('intake has started their runs', async () => {
    const found: string[] = [];
    let items = 0;
    for await (const { workflowId, typedSearchAttributes } of client.workflow.list({ query })) {
      found.push(workflowId);
      items += typedSearchAttributes.get(ITEM_IDS)?.length ?? 0;
    }
    // What was published may stand in several runs, of which the list knows one a little later.
    assert.equal(items, count);
    assert.equal(await system.depth(system.config.rabbit.intakeQueue), 0);
    assert.equal(
      await flow.metric('intake', 'despachante_unacknowledged{source="registrations"}'),
      0,
    );
    return found;
  });
  for (const workflowId of runs) {
    await client.workflow.getHandle(workflowId).terminate('the test is about it');
  }
}

test('what a run brought that was terminated before it had claimed anything is found in its history', async () => {
  const prefix = uniqueName();
  const ids = idsOf(prefix, 10);
  await system.stop('worker');
  await terminateUnclaimed(prefix, ids.length);
  await strandedAre(ids);
  await sweep();
  await system.start('worker');
  await flow.allRegistered(prefix, ids.length);
  assertFiledOnce(ids);
});

test('a run that somebody started by hand, with nothing that intake writes, is told of and stops no sweep', async () => {
  const prefix = uniqueName();
  const ids = idsOf(prefix, 3);
  const inputs = [{}, { registrations: [{}, null] }, { registrations: 'ab' }];
  await system.stop('worker');
  await terminateUnclaimed(prefix, ids.length);
  const { taskQueue } = system.config.temporal;
  const unreadable = inputs.map((_, n) => ({
    workflowId: `by-hand/${prefix}/${n}`,
    reason: 'its input is not what intake writes',
  }));
  for (const [n, { workflowId }] of unreadable.entries()) {
    const args = [inputs[n]];
    const byHand = await client.workflow.start(WORKFLOW_TYPE, { workflowId, taskQueue, args });
    await byHand.terminate('the test is about it');
  }
  const byId = (a: { workflowId: string }, b: { workflowId: string }) =>
    a.workflowId.localeCompare(b.workflowId);
  await eventually('it is told of, and what the other one has left is stranded', async () => {
    const found = answer.parse(await flow.json('sweep', '--dry-run'));
    assert.deepEqual(found.stranded.map(({ id }) => id).sort(), ids);
    assert.deepEqual(found.unreadable.sort(byId), unreadable);
  });
  const swept = answer.parse(await flow.json('sweep'));
  assert.equal(swept.started.length, 1);
  assert.deepEqual(swept.unreadable.sort(byId), unreadable);
  await system.start('worker');
  await flow.allRegistered(prefix, ids.length);
  assertFiledOnce(ids);
});

test('what was in doubt when its run was terminated is in doubt again, and an operator can decide it', async () => {
  const id = uniqueName();
  await flow.publish({ id, simulate: { loseAnswer: true } });
  const isDoubt = async () => {
    const run = await flow.runOf(id);
    const view = await run.query<{ open: { state: string }[] }>('registrations');
    assert.deepEqual(
      view.open.map(({ state }) => state),
      ['doubt'],
    );
  };
  await eventually('it is in doubt', isDoubt);
  await terminateRunsOf([id]);
  await strandedAre([id]);
  const [started] = await sweep();
  await eventually('the new run has it', async () => {
    assert.equal((await flow.claimed(id)).workflowId, started);
    await isDoubt();
  });
  const [requestId] = flow.requestIdsOf(id);
  assert.ok(requestId);
  const word = ['--operator', 'rui', '--reason', 'seen', '--request-id', requestId];
  await flow.json('doubts', 'confirm', id, ...word);
  assert.equal(await flow.outcomeOf(id), 'registered');
  assertFiledOnce([id]);
});

test('a duplicate that meets what a terminated run has left takes it up itself', async () => {
  const body = { id: uniqueName(), simulate: { latencyMs: 4_000 } };
  await flow.publish(body);
  await eventually('it is accepted', async () => {
    const entry = await store.journal.collection.findOne({ _id: `${body.id}~0#1` });
    assert.equal(entry?.state, 'accepted');
  });
  const { workflowId } = await flow.claimed(body.id);
  await terminateRunsOf([body.id]);
  await flow.publish(body);
  assert.equal(await flow.outcomeOf(body.id), 'registered');
  assert.equal((await flow.claimed(body.id)).takenFrom, workflowId);
  assertFiledOnce([body.id]);
});

test('the worker has it swept by a Schedule, which it makes at its start and removes when it is told to', async () => {
  await system.stop('worker');
  await system.start('worker', { DESPACHANTE_SWEEPER_ENABLED: 'true' });
  const id = uniqueName();
  await flow.publish({ id, simulate: { latencyMs: 2_000 } });
  await flow.claimed(id);
  await terminateRunsOf([id]);
  await eventually('a sweep has taken it up', async () => {
    await schedule.trigger();
    assert.ok((await flow.claimed(id)).takenFrom);
  });
  assert.equal(await flow.outcomeOf(id), 'registered');

  await system.stop('worker');
  await system.start('worker', { DESPACHANTE_SWEEPER_ENABLED: 'true' });
  const { spec } = await schedule.describe();
  assert.deepEqual(
    spec.intervals?.map(({ every }) => every),
    [300_000],
  );
  await system.stop('worker');
  await system.start('worker');
  await assert.rejects(schedule.describe(), /not found/i);
});

test('the sum over all of this holds', async () => {
  const report = await flow.audit();
  assert.ok(report.holds, JSON.stringify(report));
  assert.equal(report.inFlight.claimed, 0);
});
