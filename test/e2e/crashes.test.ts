/** Processes that are killed, or stopped, in the middle of their work. */
import assert from 'node:assert/strict';
import { after, afterEach, before, test } from 'node:test';
import { WorkflowNotFoundError } from '@temporalio/client';
import { eventually } from '../helpers/eventually.ts';
import { flowOf } from '../helpers/flow.ts';
import { uniqueName } from '../helpers/servers.ts';
import { startSystem } from '../helpers/system.ts';

const SLOTS = 16;
const system = await startSystem(
  { after, afterEach },
  { env: { DESPACHANTE_LEGACY_MAX_CONCURRENT: String(SLOTS) } },
);
const flow = flowOf(system);
const { client, config, simulator } = system;

/** Temporal takes most of a minute to delete a run: its deletion is asked for first, and waited for last. */
const forgotten = { id: uniqueName() };
before(async () => {
  await flow.publish(forgotten);
  const { workflowId } = await flow.settled(forgotten.id);
  await client.workflow.getHandle(workflowId).result();
  await client.connection.workflowService.deleteWorkflowExecution({
    namespace: config.temporal.namespace,
    workflowExecution: { workflowId },
  });
});

/** Answers are so slow that submitting all takes seconds: a worker can be stopped in the middle of it. */
const slowAnswers = {
  answerDelay: { minMs: 300, maxMs: 600 },
  latency: { minMs: 1_000, maxMs: 2_000 },
};

/** Waits until the legacy system has accepted as many more than before. */
async function acceptedMore(count: number, than: number): Promise<void> {
  await eventually(`${count} more are accepted`, () => {
    assert.ok(simulator.stats().accepted >= than + count);
  });
}

async function assertSum(): Promise<void> {
  assert.equal(simulator.stats().filedTwice, 0);
  const report = await flow.audit();
  assert.ok(report.holds, JSON.stringify(report));
}

test('a worker that is killed while it submits: nothing is lost or filed twice, and in doubt is only what was on the wire', async () => {
  const count = 120;
  const prefix = uniqueName();
  simulator.script(slowAnswers);
  const before = simulator.stats().accepted;
  await flow.publishMany(prefix, count);
  await acceptedMore(20, before);
  await system.kill('worker');
  assert.ok(simulator.stats().accepted < before + count, 'it was too late to kill it');
  await system.start('worker');
  const { inDoubt, registered } = await eventually('all are settled or in doubt', async () => {
    const tally = await flow.tally(prefix);
    assert.equal(tally.registered + tally.inDoubt, count);
    return tally;
  });
  assert.ok(inDoubt > 0 && inDoubt <= SLOTS, `${inDoubt} in doubt, ${registered} registered`);
  await assertSum();
});

test('a worker that is killed while it polls: all are registered', async () => {
  const count = 60;
  const prefix = uniqueName();
  simulator.script({
    answerDelay: { minMs: 5, maxMs: 20 },
    latency: { minMs: 3_000, maxMs: 5_000 },
  });
  const before = simulator.stats();
  await flow.publishMany(prefix, count);
  // An answer that is not written down when the worker is killed is a doubt: the test before is about those.
  await flow.allAccepted(prefix, count);
  await eventually('it polls', () => assert.ok(simulator.stats().gets > before.gets));
  await system.kill('worker');
  assert.ok((await flow.tally(prefix)).settled < count, 'it was too late to kill it');
  await system.start('worker');
  await flow.allRegistered(prefix, count);
  await assertSum();
});

test('an intake that is killed while it holds deliveries: all are registered, once', async () => {
  const count = 80;
  const prefix = uniqueName();
  simulator.script({ latency: { minMs: 300, maxMs: 800 } });
  await system.stop('intake');
  await flow.publishMany(prefix, count);
  // A run each makes the handing over slow enough to be interrupted.
  await system.start('intake', { DESPACHANTE_INTAKE_BATCH_SIZE: '1' });
  await eventually('the first are handed over', async () => {
    assert.ok((await flow.tally(prefix)).claimed > 0);
  });
  assert.ok(
    await flow.metric('intake', 'despachante_unacknowledged{source="registrations"}'),
    'it held nothing any more',
  );
  await system.kill('intake');
  await system.start('intake');
  await flow.allRegistered(prefix, count);
  await assertSum();
});

test('a worker that is stopped under load leaves with exit code 0 and nothing in doubt, and the next one finishes', async () => {
  const count = 120;
  const prefix = uniqueName();
  simulator.script(slowAnswers);
  const before = simulator.stats().accepted;
  await flow.publishMany(prefix, count);
  await acceptedMore(20, before);
  assert.equal(await system.stop('worker'), 0);
  assert.ok(simulator.stats().accepted < before + count, 'it was too late to stop it');
  await system.start('worker');
  await flow.allRegistered(prefix, count);
  await assertSum();
});

test('an intake that is stopped under load leaves with exit code 0, and the next one takes the rest', async () => {
  const count = 200;
  const prefix = uniqueName();
  simulator.script({ answerDelay: { minMs: 5, maxMs: 20 }, latency: { minMs: 300, maxMs: 800 } });
  await flow.publishMany(prefix, count / 2);
  const published = flow.publishMany(`${prefix}-later`, count / 2);
  assert.equal(await system.stop('intake'), 0);
  await published;
  await system.start('intake');
  await flow.allRegistered(prefix, count);
  await assertSum();
});

test('a message that comes again is filed once even when Temporal has forgotten its run', async () => {
  const { workflowId } = await flow.settled(forgotten.id);
  await eventually('Temporal has forgotten the run', () =>
    assert.rejects(client.workflow.getHandle(workflowId).describe(), WorkflowNotFoundError),
  );
  const before = await flow.metric('worker', 'despachante_duplicates_total');
  await flow.publish(forgotten);
  await eventually('it is counted as a duplicate', async () => {
    assert.equal(await flow.metric('worker', 'despachante_duplicates_total'), before + 1);
  });
  assert.equal(flow.postsOf(forgotten.id).length, 1);
  assert.equal(await flow.outcomeOf(forgotten.id), 'registered');
});

test('the command line proves the sum over all of this', async () => {
  const { code, stdout } = await flow.cli('audit', '--json');
  const report: unknown = JSON.parse(stdout);
  assert.ok(typeof report === 'object' && report !== null && 'holds' in report);
  assert.equal(report.holds, true, stdout);
  assert.equal(code, 0);
});
