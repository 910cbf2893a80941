/** Messages that come more than once, in any order, with the same bytes and with others. */
import assert from 'node:assert/strict';
import { WorkflowNotFoundError } from '@temporalio/client';
import { eventually } from '../helpers/eventually.ts';
import { flowOf } from '../helpers/flow.ts';
import type { Body, Flow } from '../helpers/flow.ts';
import { startSystem } from '../helpers/system.ts';
import type { System } from '../helpers/system.ts';
import { conclude } from './conclude.ts';
import type { Scenario, Trial, World } from './scenario.ts';

const first = (id: string): Body => ({ id, body: 'the first' });
const other = (id: string): Body => ({ id, body: 'another' });

/** In an order drawn from the seed (Fisher and Yates). */
export function shuffled<T>(random: () => number, list: readonly T[]): T[] {
  const result = [...list];
  for (let last = result.length - 1; last > 0; last--) {
    const at = Math.floor(random() * (last + 1));
    const [a, b] = [result[at], result[last]];
    if (a !== undefined && b !== undefined) [result[at], result[last]] = [b, a];
  }
  return result;
}

async function publishShuffled(world: World, flow: Flow, bodies: Body[]): Promise<void> {
  const random = (): number => world.random();
  await Promise.all(shuffled(random, bodies).map((body) => flow.publish(body)));
}

const settled = (flow: Flow, count: number) =>
  eventually(`${count} are settled`, async () => {
    assert.equal((await flow.tally('twice-')).settled, count);
  });

/** One filed and one conflict each, whichever of the two bodies came first. */
async function concludeOncePerId(flow: Flow, system: System, ids: string[]): Promise<Trial> {
  const trial = await conclude(flow, { maxInDoubt: 0, faultEndedAt: null, alsoEnds: 'any' });
  const { registered, failed } = await flow.audit();
  assert.equal(registered, ids.length);
  assert.deepEqual(failed, { conflict: ids.length });
  assert.equal(system.simulator.stats().accepted, ids.length);
  for (const id of ids) assert.equal(flow.postsOf(id).length, 1, id);
  return trial;
}

const idsOf = (count: number): string[] => Array.from({ length: count }, (_, n) => `twice-${n}`);

async function severalTimes(world: World): Promise<Trial> {
  const system = await startSystem(world);
  const flow = flowOf(system);
  const ids = idsOf(world.isQuick ? 40 : 500);
  const half = ids.slice(0, ids.length / 2);
  // The other half meets its conflict when it is closed.
  const rest = ids.slice(ids.length / 2);
  await publishShuffled(world, flow, [
    ...ids.flatMap((id) => [first(id), first(id), first(id)]),
    ...half.map(other),
  ]);
  await settled(flow, ids.length + half.length);
  await publishShuffled(world, flow, [...ids.map(first), ...half.map(other), ...rest.map(other)]);
  await settled(flow, 2 * ids.length);
  return concludeOncePerId(flow, system, ids);
}

async function afterDeletion(world: World): Promise<Trial> {
  const system = await startSystem(world);
  const flow = flowOf(system);
  const { client, config } = system;
  const ids = idsOf(world.isQuick ? 10 : 200);
  await publishShuffled(world, flow, ids.map(first));
  await settled(flow, ids.length);
  const claims = await Promise.all(ids.map((id) => flow.claimed(id)));
  const runs = [...new Set(claims.map(({ workflowId }) => workflowId))];
  for (const workflowId of runs) {
    await client.workflow.getHandle(workflowId).result();
    const workflowExecution = { workflowId };
    const { namespace } = config.temporal;
    await client.workflowService.deleteWorkflowExecution({ namespace, workflowExecution });
  }
  for (const workflowId of runs) {
    await eventually(
      'Temporal has forgotten the run',
      () => assert.rejects(client.workflow.getHandle(workflowId).describe(), WorkflowNotFoundError),
      150_000,
    );
  }
  world.tell(`${runs.length} runs are deleted`);
  await publishShuffled(
    world,
    flow,
    ids.flatMap((id) => [first(id), other(id), first(id)]),
  );
  await settled(flow, 2 * ids.length);
  return concludeOncePerId(flow, system, ids);
}

export const duplicates: Scenario[] = [
  {
    name: 'duplicates/at-once-and-after-close',
    fault:
      'Each message three times at once, again after its run is closed, and with another body at once or after, in random order',
    isQuick: true,
    run: severalTimes,
  },
  {
    name: 'duplicates/after-deletion',
    fault: 'Each message again, and with another body, after its run was deleted from Temporal',
    isQuick: false,
    run: afterDeletion,
  },
];
