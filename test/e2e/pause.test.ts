/** `despachante pause`: intake takes nothing until `resume`, whatever is started again meanwhile. */
import assert from 'node:assert/strict';
import { after, afterEach, test } from 'node:test';
import { isMapping } from '../../src/config/tree.ts';
import { eventually } from '../helpers/eventually.ts';
import { flowOf } from '../helpers/flow.ts';
import { uniqueName } from '../helpers/servers.ts';
import { startSystem } from '../helpers/system.ts';

const system = await startSystem({ after, afterEach });
const flow = flowOf(system);
const { intakeQueue } = system.rabbit;

const holds = async (by: string, value: 0 | 1) =>
  eventually(`"${by}" is ${value}`, async () => {
    const sample = `despachante_intake_closed{source="registrations",by="${by}"}`;
    const { text } = await flow.ask('intake', '/metrics');
    assert.ok(
      text.includes(`${sample} ${value}\n`),
      text.match(/^despachante_intake_closed.*$/gm)?.join(),
    );
  });

test('while it is paused what comes waits in RabbitMQ, what was taken is settled, and everybody can see why', async () => {
  const prefix = uniqueName();
  await flow.publish({ id: `${prefix}-0`, simulate: { latencyMs: 1_500 } });
  await flow.claimed(`${prefix}-0`);
  const paused = await flow.json('pause', '--reason', 'the core is updated', '--operator', 'ana');
  assert.ok(isMapping(paused));
  assert.deepEqual([paused['paused'], paused['by']], [true, 'ana']);
  await holds('paused', 1);
  await flow.publishMany(`${prefix}-later`, 3);
  await system.hasDepth(intakeQueue, 3);
  await flow.settled(`${prefix}-0`);

  const { status, text } = await flow.ask('intake', '/ready');
  assert.equal(status, 200);
  assert.match(text, /"closedBy":\{"paused":"the core is updated \(ana\)"\}/);
  assert.match(system.log('intake'), /"why":"the core is updated \(ana\)"/);
  const told = await flow.cli('status');
  assert.match(told.stdout, /^waiting +3$/m);
  assert.match(told.stdout, /^clear +not while intake is closed$/m);
  assert.match(told.stdout, /^intake closed by +paused: the core is updated \(ana\), since 20/m);
});

test('an intake that is started anew takes nothing either, not even the first message', async () => {
  await system.stop('intake');
  const taken = system.log('intake').length;
  await system.start('intake');
  await holds('paused', 1);
  await holds('unknown', 0);
  assert.equal(
    await flow.metric('intake', 'despachante_deliveries_total{source="registrations"}'),
    0,
  );
  assert.equal(await system.depth(intakeQueue), 3);
  assert.doesNotMatch(system.log('intake').slice(taken), /handed to a run/);
});

test('"resume" has it take again; said twice, it finds nothing to take back', async () => {
  await flow.json('resume');
  await system.hasDepth(intakeQueue, 0);
  await holds('paused', 0);
  await eventually('all that waited is registered', async () => {
    const report = await flow.audit();
    assert.ok(report.holds, JSON.stringify(report));
    assert.deepEqual(report.inFlight, { claimed: 0, inRuns: 0, waiting: 0 });
  });
  const again = await flow.cli('resume');
  assert.equal(again.code, 4);
  assert.match(again.stderr, /Nothing is paused/);
});

test('while a worker is short of memory intake takes nothing, and goes on when it is well', async () => {
  // No process of ours gets by with so little.
  const little = { DESPACHANTE_TEST_CONSTANTS: 'guard.maxMemory=67108864' };
  const id = uniqueName();
  await system.stop('worker');
  await system.start('worker', little);
  await holds('guard', 1);
  await flow.publish({ id });
  await system.hasDepth(intakeQueue, 1);
  assert.match(system.log('worker'), /"suffers":"memory: \d+ MiB of 64 MiB"/);
  assert.match(system.log('intake'), /"why":"a worker suffers: memory: /);
  await system.stop('worker');
  await system.start('worker');
  assert.equal(await flow.outcomeOf(id), 'registered');
  await holds('guard', 0);
});

test('an intake that is short of memory itself takes nothing', async () => {
  const id = uniqueName();
  await system.stop('intake');
  await system.start('intake', { DESPACHANTE_TEST_CONSTANTS: 'guard.maxMemory=67108864' });
  await holds('guard', 1);
  await flow.publish({ id });
  await system.hasDepth(intakeQueue, 1);
  await system.stop('intake');
  await system.start('intake');
  assert.equal(await flow.outcomeOf(id), 'registered');
});
