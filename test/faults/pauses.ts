/** A process is stopped for so long that others take its work over, and then goes on as if nothing had been. */
import assert from 'node:assert/strict';
import { join } from 'node:path';
import { startChild, type Child } from '../../src/runtime/child.ts';
import { declareQueues } from '../../src/broker/rabbitmq/queues.ts';
import { eventually } from '../helpers/eventually.ts';
import { flowOf, type Flow } from '../helpers/flow.ts';
import { atEnd } from '../helpers/servers.ts';
import { startSystem, type Role, type System } from '../helpers/system.ts';
import { conclude } from './conclude.ts';
import { SLOTS, SMALL, countIn, publishMixed } from './load.ts';
import type { Scenario, Trial, World } from './scenario.ts';

export const pauses: Scenario[] = [
  {
    name: 'pause/worker-submitting',
    fault:
      'A worker is stopped (SIGSTOP) while it submits, until another has taken over, and then goes on',
    isQuick: false,
    run: pausedWhileSubmitting,
  },
  {
    name: 'pause/worker-settling',
    fault:
      'A worker is stopped (SIGSTOP) while it settles, until another has taken over, and then goes on',
    isQuick: false,
    run: pausedWhileSettling,
  },
  {
    name: 'pause/intake',
    fault:
      'An intake is stopped (SIGSTOP) with deliveries in hand, until the broker has given them to another, and then goes on',
    isQuick: false,
    run: pausedIntake,
  },
];

/** Silence of an attempt after which another may be under way (workflows/registrations/steps.ts), and the deadline of a POST. */
const BELIEVED_DEAD_MS = 8_000 + 2_000;

async function pausedWhileSubmitting(world: World): Promise<Trial> {
  const system = await startSystem(world, { env: SMALL });
  const flow = flowOf(system);
  const zombie = system.child('worker');
  const before = system.simulator.stats().accepted;
  await publishMixed(flow, countIn(world), { answerDelayMs: 400 });
  await eventually('it is in the middle of submitting', () => {
    assert.ok(system.simulator.stats().accepted > before + SLOTS);
  });
  const unpause = await pausedFor(world, system, 'worker', zombie);
  const sent = system.simulator.stats().accepted;
  await eventually('the other one submits', () => {
    assert.ok(system.simulator.stats().accepted > sent);
  });
  unpause();
  return concludeWithZombie(flow, zombie, { maxInDoubt: SLOTS });
}

async function pausedWhileSettling(world: World): Promise<Trial> {
  const system = await startSystem(world, { env: SMALL });
  const flow = flowOf(system);
  const { claims } = system.store;
  const zombie = system.child('worker');
  await publishMixed(flow, countIn(world), { latencyMs: 1_500 });
  const countSettled = () => claims.collection.countDocuments({ settledAt: { $ne: null } });
  const refused = countIn(world) / 5;
  await eventually('the first successes are settled', async () => {
    assert.ok((await countSettled()) > refused);
  });
  const unpause = await pausedFor(world, system, 'worker', zombie);
  const settled = await countSettled();
  await eventually('the other one settles', async () => {
    assert.ok((await countSettled()) > settled);
  });
  const settledAt = await settlements(system);
  unpause();
  const trial = await concludeWithZombie(flow, zombie, { maxInDoubt: SLOTS });
  world.tell(
    `claims written again by the zombie: ${changed(settledAt, await settlements(system))}`,
  );
  return trial;
}

async function pausedIntake(world: World): Promise<Trial> {
  // Small runs, so that there is something in hand; and a broker that soon takes back what a silent consumer holds.
  const env = {
    ...SMALL,
    DESPACHANTE_INTAKE_BATCH_SIZE: '1',
    DESPACHANTE_TEST_CONSTANTS: 'rabbit.heartbeat=1000',
  };
  const system = await startSystem(world, { env, roles: ['worker'] });
  const flow = flowOf(system);
  await declareQueues(system.connection, system.config.rabbit);
  await publishMixed(flow, countIn(world));
  const zombie = await system.start('intake');
  await eventually('the first are handed over', async () => {
    assert.ok((await system.store.claims.collection.countDocuments()) > 0);
  });
  process.kill(zombie.pid, 'SIGSTOP');
  atEnd(world, () => goOn(zombie));
  await second(world, system, 'intake');
  await eventually('the other one has handed over all', async () => {
    const { claimed, inRuns, waiting } = (await flow.audit()).inFlight;
    assert.equal(claimed + inRuns + waiting, 0);
  });
  goOn(zombie);
  return concludeWithZombie(flow, zombie, { maxInDoubt: 0 });
}

/** Stops it, starts another of its kind, and waits until the first must be believed dead; the result has it go on. */
async function pausedFor(world: World, system: System, role: Role, child: Child) {
  process.kill(child.pid, 'SIGSTOP');
  // Else nothing could end it.
  atEnd(world, () => goOn(child));
  const since = performance.now();
  await second(world, system, role);
  await eventually('it is believed dead', () => {
    assert.ok(performance.now() - since > BELIEVED_DEAD_MS);
  });
  return () => goOn(child);
}

function goOn({ pid }: Child): void {
  try {
    process.kill(pid, 'SIGCONT');
  } catch {
    // It has ended by now.
  }
}

async function second(world: World, system: System, role: Role): Promise<Child> {
  const child = await startChild({
    args: [role, '--port', '0'],
    env: system.env,
    logFile: join(system.folder, `second-${role}.log`),
  });
  atEnd(world, () => child.stop());
  return child;
}

/** The zombie has come to itself when it answers again; what it still had to do it has tried by the time it has left. */
async function concludeWithZombie(
  flow: Flow,
  zombie: Child,
  { maxInDoubt }: { maxInDoubt: number },
): Promise<Trial> {
  const faultEndedAt = Date.now();
  const port = zombie.facts.health ?? 0;
  await eventually('it answers again', async () => {
    assert.equal((await fetch(`http://127.0.0.1:${port}/live`)).status, 200);
  });
  const trial = await conclude(flow, { maxInDoubt, faultEndedAt, withinMs: 150_000 });
  await zombie.stop();
  const { recoverySeconds } = trial;
  return { ...(await conclude(flow, { maxInDoubt, faultEndedAt })), recoverySeconds };
}

async function settlements({ store }: System): Promise<Map<string, number>> {
  const all = await store.claims.collection.find({}, { projection: { settledAt: 1 } }).toArray();
  return new Map(all.map(({ _id, settledAt }) => [_id, settledAt?.getTime() ?? 0]));
}

const changed = (before: Map<string, number>, after: Map<string, number>): number =>
  [...before].filter(([key, at]) => at !== 0 && after.get(key) !== at).length;
