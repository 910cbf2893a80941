/** What a system runs out of: disk of the broker and of the store, memory of our own processes. */
import assert from 'node:assert/strict';
import { setTimeout as delay } from 'node:timers/promises';
import { declareQueues } from '../../src/broker/rabbitmq/queues.ts';
import { eventually } from '../helpers/eventually.ts';
import { flowOf, type Flow } from '../helpers/flow.ts';
import { startSystem } from '../helpers/system.ts';
import { conclude } from './conclude.ts';
import { publishMixed } from './load.ts';
import { privateServers } from './private-servers.ts';
import { NOT_TRIED, type Scenario, type Trial, type World } from './scenario.ts';
import { smallDisk } from './small-disk.ts';
import { supervise } from './supervised.ts';

const SLOTS = 8;
const COUNT = 60;
const DISK_MB = { rabbitmq: 256, mongodb: 512 };
/** RabbitMQ blocks its publishers below 50 MB (disk_free_limit). */
const ALARMING = 20 * 1024 * 1024;
const FULL_MS = 8_000;

/** The server of a system that has its data on a small disk; null, and told, where nothing can be mounted. */
async function systemOnSmallDisk(world: World, server: 'rabbitmq' | 'mongodb') {
  const disk = await smallDisk(world, DISK_MB[server]);
  if (disk === null) {
    world.tell('not tried: nothing can be mounted here, which takes root and CAP_SYS_ADMIN');
    return null;
  }
  const servers = await privateServers(world, 'disk', [server], {
    DESPACHANTE_DATA: disk.folder,
  });
  const env = {
    ...servers.addresses,
    DESPACHANTE_LEGACY_MAX_CONCURRENT: String(SLOTS),
    DESPACHANTE_TEST_CONSTANTS: 'legacy.maxPollInterval=2000',
  };
  const system = await startSystem(world, { env });
  return { disk, servers, system, flow: flowOf(system) };
}

const isReady = (flow: Flow) =>
  eventually('both are ready', async () => {
    for (const role of ['worker', 'intake'] as const)
      assert.equal((await flow.ask(role, '/ready')).status, 200, role);
  });

async function full(world: World, server: 'rabbitmq' | 'mongodb'): Promise<Trial> {
  const all = await systemOnSmallDisk(world, server);
  if (all === null) return NOT_TRIED;
  const { disk, servers, flow } = all;
  const ids = await publishMixed(flow, COUNT, { latencyMs: 2_000 });
  await flow.claimed(ids[0] ?? '');
  disk.fill(0);
  // What is not confirmed is nobody's promise: a broker that is full takes nothing, or dies.
  const more = Promise.allSettled(
    Array.from({ length: COUNT }, (_, n) => flow.publish({ id: `full-${n}` })),
  );
  await delay(FULL_MS);
  disk.free();
  const faultEndedAt = Date.now();
  // A quorum queue that could not write may refuse for ever after, or die: then its broker is started again.
  if (server === 'rabbitmq' && servers.isUp(server)) servers.kill(server);
  await servers.start(server);
  await more;
  await isReady(flow);
  return conclude(flow, { maxInDoubt: SLOTS, faultEndedAt, withinMs: 150_000 });
}

/** Little is left: the broker stops reading from those who publish, as it does when its memory is full. */
async function alarm(world: World): Promise<Trial> {
  const all = await systemOnSmallDisk(world, 'rabbitmq');
  if (all === null) return NOT_TRIED;
  const { disk, system, flow } = all;
  // The broker looks at its disk each 10 s at most.
  const ids = await publishMixed(flow, COUNT, { latencyMs: 15_000 });
  let isBlocked = false;
  system.connection.on('blocked', () => (isBlocked = true));
  const mine = await system.connection.createChannel();
  disk.fill(ALARMING);
  await eventually('the broker blocks who publishes', () => {
    // Only who publishes is told.
    mine.publish('', 'nobody', Buffer.from('to be among those who publish'));
    assert.ok(isBlocked);
  });
  for (const id of ids.filter((_, n) => n % 5 !== 1 && n % 5 !== 3))
    assert.equal(await flow.outcomeOf(id), 'registered');
  assert.ok((await flow.tally('')).settled < ids.length, 'a failure was settled in spite of it');
  disk.free();
  const faultEndedAt = Date.now();
  return conclude(flow, { maxInDoubt: 0, faultEndedAt, withinMs: 150_000 });
}

const BURST = { quick: 200, full: 2_000 };

/** A supervisor starts again what runs out of memory. */
async function smallHeap(world: World): Promise<Trial> {
  const count = world.isQuick ? BURST.quick : BURST.full;
  const system = await startSystem(world, {
    env: { DESPACHANTE_LEGACY_MAX_CONCURRENT: String(SLOTS) },
    roles: [],
  });
  const flow = flowOf(system);
  await declareQueues(system.connection, system.config.rabbit);
  const heap = { NODE_OPTIONS: '--max-old-space-size=96' };
  const worker = supervise((over) => system.start('worker', heap, over));
  const intake = supervise((over) => system.start('intake', heap, over));
  try {
    await flow.publishMany('burst', count, { text: 'x'.repeat(2_000) });
    const trial = await conclude(flow, {
      maxInDoubt: count,
      faultEndedAt: null,
      withinMs: 240_000,
    });
    world.tell(`starts: worker ${worker.starts()}, intake ${intake.starts()}`);
    assert.ok(trial.inDoubt <= SLOTS * (worker.starts() - 1), 'in doubt without a crash');
    return trial;
  } finally {
    await Promise.all([worker.stop(), intake.stop()]);
  }
}

export const resources: Scenario[] = [
  {
    name: 'resources/broker-disk-full',
    fault: 'The disk of the broker is full for 8 s, under load, and the broker is started again',
    isQuick: false,
    runsAlone: true,
    run: (world) => full(world, 'rabbitmq'),
  },
  {
    name: 'resources/broker-alarm',
    fault:
      'The broker is short of disk and blocks all who publish, as it does when it is short of memory',
    isQuick: false,
    runsAlone: true,
    run: alarm,
  },
  {
    name: 'resources/store-disk-full',
    fault: 'The disk of MongoDB is full for 8 s, under load',
    isQuick: false,
    runsAlone: true,
    run: (world) => full(world, 'mongodb'),
  },
  {
    name: 'resources/small-heap',
    fault: 'Worker and intake have a heap of 96 MB each, under a burst of 2,000',
    isQuick: false,
    run: smallHeap,
  },
];
