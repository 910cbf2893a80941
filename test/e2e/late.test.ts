/** Registrations that time out and are finished by the legacy system all the same: told, and brought in by a redrive. */
import assert from 'node:assert/strict';
import { after, afterEach, test } from 'node:test';
import { z } from 'zod';
import { eventually } from '../helpers/eventually.ts';
import { flowOf } from '../helpers/flow.ts';
import { uniqueName } from '../helpers/servers.ts';
import { sweepScheduleOf } from '../helpers/sweeps.ts';
import { startSystem } from '../helpers/system.ts';

const scope = { after, afterEach };
const system = await startSystem(scope, { env: { DESPACHANTE_LEGACY_DEADLINE: '1s' } });
const flow = flowOf(system);
const { store } = system;
const schedule = sweepScheduleOf(scope, system);

/** Timed out, and due to be asked for as if the first minute were over. */
async function timedOut(latencyMs: number): Promise<string> {
  const id = uniqueName();
  await flow.publish({ id, simulate: { latencyMs } });
  await flow.failureOf(`${id}~0`, 'timed-out');
  await flow.settled(id);
  await isDue(id);
  return id;
}

async function isDue(id: string): Promise<void> {
  const due = { $set: { lateCheckAt: new Date(0) } };
  assert.equal((await store.claims.collection.updateOne({ _id: `${id}~0` }, due)).matchedCount, 1);
}

const isDone = (id: string) =>
  eventually('the legacy system has finished it', () => {
    const [filing] = system.simulator.ledger().filter((e) => e.event === 'accepted' && e.id === id);
    assert.ok(filing?.event === 'accepted' && (filing.doneAt ?? Infinity) < Date.now());
  });

const swept = z.object({ late: z.array(z.object({ id: z.string(), status: z.string() })) });
const sweep = async () => swept.parse(await flow.json('sweep')).late;

test('a late success is found by a sweep and told everywhere, and a redrive registers it without a second POST', async () => {
  const id = await timedOut(8_000);
  assert.deepEqual(await sweep(), [], 'it is still processing');
  assert.ok(((await flow.claimed(id)).lateCheckAt?.getTime() ?? 0) > Date.now());
  await isDone(id);
  await isDue(id);
  assert.deepEqual(
    (await sweep()).map((late) => [late.id, late.status]),
    [[id, 'done']],
  );

  const advice = /finished.* later: redrive (it|them), (it is|they are) not POSTed again/;
  assert.match((await flow.cli('status', id)).stdout, advice);
  assert.match((await flow.cli('failures', 'show', id)).stdout, advice);
  assert.match((await flow.cli('failures', 'list')).stdout, advice);
  assert.match((await flow.cli('failures', 'list', '--each')).stdout, /\(done later\)/);
  const record = await flow.failureOf(`${id}~0`, 'timed-out');
  assert.equal(record.properties.headers?.['x-despachante-class'], 'timed-out');

  await flow.json('failures', 'redrive', id);
  assert.equal(await flow.outcomeOf(id, 1), 'registered');
  assert.equal(flow.postsOf(id).length, 1);
});

test('the worker looks by its Schedule, says so in its log and counts it', async () => {
  await system.stop('worker');
  await system.start('worker', { DESPACHANTE_SWEEPER_ENABLED: 'true' });
  const id = await timedOut(3_000);
  await isDone(id);
  await eventually('a sweep has found it', async () => {
    if ((await flow.claimed(id)).lateResult === undefined) {
      await isDue(id);
      await schedule.trigger();
    }
    assert.equal((await flow.claimed(id)).lateResult?.status, 'done');
  });
  const warning = system
    .log('worker')
    .split('\n')
    .filter((line) => line.includes('finished what had timed out') && line.includes(id));
  assert.equal(warning.length, 1);
  assert.match(warning[0] ?? '', /"level":40/);
  assert.equal(await flow.metric('worker', 'despachante_late_results_total{status="done"}'), 1);
});

test('the gauge of what is in doubt follows a doubt and its resolution', async () => {
  const id = uniqueName();
  const gauge = () => flow.metric('worker', 'despachante_in_doubt');
  assert.equal(await gauge(), 0);
  await flow.publish({ id, simulate: { loseAnswer: true } });
  await eventually('it counts', async () => assert.equal(await gauge(), 1));
  await flow.json('doubts', 'abandon', id, '--operator', 'rui', '--reason', 'withdrawn');
  await eventually('it counts no more', async () => assert.equal(await gauge(), 0));
});

test('the sum over all of this holds', async () => {
  const report = await flow.audit();
  assert.ok(report.holds, JSON.stringify(report));
});
