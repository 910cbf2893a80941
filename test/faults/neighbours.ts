/** One registration that is slow, or a rate that has most of them wait, among others of the same run; and then the worker dies. */
import assert from 'node:assert/strict';
import { eventually } from '../helpers/eventually.ts';
import { flowOf } from '../helpers/flow.ts';
import { uniqueName } from '../helpers/servers.ts';
import { startSystem } from '../helpers/system.ts';
import { conclude } from './conclude.ts';
import { SLOTS, countIn, publishMixed } from './load.ts';
import type { Scenario, Trial, World } from './scenario.ts';

export const neighbours: Scenario[] = [
  {
    name: 'neighbours/slow-post',
    fault:
      'One POST of a run takes 40 s: the others are settled meanwhile, and then the worker is killed with it on the wire',
    isQuick: false,
    run: slowPost,
  },
  {
    name: 'neighbours/few-a-second',
    fault:
      'Most of a run waits for legacy.maxSubmitsPerSecond: the first are settled meanwhile, and then the worker is killed',
    isQuick: false,
    run: fewASecond,
  },
];

async function slowPost(world: World): Promise<Trial> {
  const system = await startSystem(world, {
    env: { DESPACHANTE_LEGACY_TIMEOUT: '45s', DESPACHANTE_LEGACY_MAX_CONCURRENT: String(SLOTS) },
  });
  const flow = flowOf(system);
  const slow = `${uniqueName()}-slow`;
  const [ids] = await Promise.all([
    publishMixed(flow, countIn(world)),
    flow.publish({ id: slow, simulate: { answerDelayMs: 40_000 } }),
  ]);
  for (const id of ids) await flow.settled(id);
  const entry = `${slow}~0#1`;
  const { state } = (await system.store.journal.read([entry])).get(entry) ?? {};
  assert.equal(state, 'intent', 'the others were settled while it was on the wire');
  await system.kill('worker');
  const faultEndedAt = Date.now();
  await system.start('worker');
  return conclude(flow, { maxInDoubt: 1, faultEndedAt });
}

async function fewASecond(world: World): Promise<Trial> {
  const system = await startSystem(world, {
    env: { DESPACHANTE_LEGACY_MAX_SUBMITS_PER_SECOND: '4' },
  });
  const flow = flowOf(system);
  const { claims } = system.store;
  await publishMixed(flow, countIn(world));
  await eventually('the first is settled', async () => {
    assert.ok((await claims.collection.countDocuments({ settledAt: { $ne: null } })) > 0);
  });
  const { accepted, refused } = system.simulator.stats();
  assert.ok(accepted + refused < countIn(world), 'the others were still waiting');
  await system.kill('worker');
  const faultEndedAt = Date.now();
  await system.start('worker');
  return conclude(flow, { maxInDoubt: SLOTS, faultEndedAt });
}
