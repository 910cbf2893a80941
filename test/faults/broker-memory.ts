/** The broker is short of memory: it stops reading from whoever publishes, and goes on delivering. */
import assert from 'node:assert/strict';
import { declareQueues } from '../../src/broker/rabbitmq/queues.ts';
import { eventually } from '../helpers/eventually.ts';
import { flowOf } from '../helpers/flow.ts';
import { startSystem } from '../helpers/system.ts';
import { brokerControl } from './broker-control.ts';
import { conclude } from './conclude.ts';
import { SMALL, publishMixed } from './load.ts';
import { privateServers } from './private-servers.ts';
import { NOT_TRIED, type Scenario, type Trial, type World } from './scenario.ts';

const COUNT = 60;
const WATERMARK = 'set_vm_memory_high_watermark';

async function memoryAlarm(world: World): Promise<Trial> {
  const servers = await privateServers(world, 'memory', ['rabbitmq']);
  const control = brokerControl(servers.pid('rabbitmq'));
  if (control === null) {
    world.tell('not tried: the broker cannot be told by rabbitmqctl here');
    return NOT_TRIED;
  }
  const env = { ...SMALL, ...servers.addresses };
  const system = await startSystem(world, { env, roles: ['worker'] });
  const flow = flowOf(system);
  await declareQueues(system.connection, system.config.rabbit);
  const ids = await publishMixed(flow, COUNT, { latencyMs: 1_000 });
  const isBlocked = new Promise((resolve) => system.connection.on('blocked', resolve));
  await control(WATERMARK, 'absolute', '1MB');
  // Not read before the alarm is over: what is not confirmed is nobody's promise.
  const more = flow.publishMany('blocked', COUNT);
  await isBlocked;

  // Whoever only takes is not blocked, also who comes now: successes go their way.
  await system.start('intake');
  const good = ids.filter((_, n) => n % 5 !== 1 && n % 5 !== 3);
  for (const id of good) assert.equal(await flow.outcomeOf(id), 'registered');
  // Failures wait in their runs, and intake takes no more since it has one that it cannot hand on.
  await eventually('the worker goes on trying', () => {
    assert.match(system.log('worker'), /A failure record was not confirmed/);
  });
  await eventually('intake holds', async () => {
    assert.equal((await flow.ask('intake', '/ready')).status, 503);
  });
  const { settled } = await flow.tally('');
  assert.ok(settled <= good.length, `${settled} settled, and ${good.length} are successes`);

  await control(WATERMARK, '0.4');
  const faultEndedAt = Date.now();
  await more;
  const trial = await conclude(flow, { maxInDoubt: 0, faultEndedAt, withinMs: 120_000 });
  await eventually('intake takes again', async () => {
    assert.equal((await flow.ask('intake', '/ready')).status, 200);
  });
  assert.equal((await flow.tally('blocked-')).registered, COUNT);
  return trial;
}

export const brokerMemory: Scenario[] = [
  {
    name: 'broker/memory-alarm',
    fault:
      'The broker is short of memory and blocks all who publish, until failures have waited past their deadline; intake starts meanwhile',
    isQuick: false,
    runsAlone: true,
    run: memoryAlarm,
  },
];
