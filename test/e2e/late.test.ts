/** Registrations that time out and are finished by the legacy system all the same: told, and brought in by a redrive. */
import assert from 'node:assert/strict';
import { after, afterEach, test } from 'node:test';
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

/** Settled as timed out. */
async function timedOut(latencyMs: number): Promise<string> {
  const id = uniqueName();
  await flow.publish({ id, simulate: { latencyMs } });
  await flow.failureOf(`${id}~0`, 'timed-out');
  await flow.settled(id);
  return id;
}

const isDone = (id: string) =>
  eventually('the legacy system has finished it', () => {
    const [filing] = system.simulator.ledger().filter((e) => e.event === 'accepted' && e.id === id);
    assert.ok(filing?.event === 'accepted' && (filing.doneAt ?? Infinity) < Date.now());
  });

test('a late success is found by a sweep and told everywhere, and a redrive registers it without a second POST', async () => {
  await system.stop('worker');
  await system.start('worker', { DESPACHANTE_SWEEPER_ENABLED: 'true' });
  const id = await timedOut(3_000);
  await isDone(id);
  await eventually('a sweep has found it', async () => {
    const { lateResult } = await flow.claimed(id);
    if (lateResult === undefined) {
      // As if the last look were a day ago.
      await store.claims.collection.updateOne({ _id: `${id}~0` }, { $unset: { lateLookAt: '' } });
      await schedule.trigger();
    }
    assert.equal(lateResult?.status, 'done');
  });
  // Written down first, and told then.
  await eventually('it is told', async () => {
    const warning = system
      .log('worker')
      .split('\n')
      .filter(
        (line) => line.includes('finished a registration that had timed out') && line.includes(id),
      );
    assert.equal(warning.length, 1);
    assert.match(warning[0] ?? '', /"level":40/);
    assert.equal(await flow.metric('worker', 'despachante_late_results_total{status="done"}'), 1);
  });

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
