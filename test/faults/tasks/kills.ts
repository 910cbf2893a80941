/** What is killed at full load: processes of workers, of handlers, and each server, on both brokers. */
import assert from 'node:assert/strict';
import { setTimeout as delay } from 'node:timers/promises';
import { noOwnKafka } from '../../helpers/kafka.ts';
import { ownKafka } from '../../helpers/own-kafka.ts';
import { privateServers, type Server } from '../private-servers.ts';
import { NOT_TRIED, type Scenario, type Trial, type World } from '../scenario.ts';
import { PER_KILL, concludeTasks } from './conclude.ts';
import { publishLoad } from './load.ts';
import { SLOTS, taskSystem, type TaskSystem } from './system.ts';

type Broker = 'rabbitmq' | 'kafka';
const BROKERS: Record<Broker, string> = { rabbitmq: 'RabbitMQ', kafka: 'Kafka' };

/** Messages, and the calls after which the first fault strikes; each further one after as many again. */
const LOAD = 1_000;
const EACH = 200;
const TIMES = 3;
/** How long a server is away, ms. */
const AWAY_MS = 3_000;

const BATCHES = { DESPACHANTE_INTAKE_BATCH_SIZE: '50' };

const hasKafka = (world: World, broker: Broker): boolean => {
  if (broker === 'rabbitmq' || noOwnKafka === false) return true;
  world.tell(`not tried: ${noOwnKafka}`);
  return false;
};

async function loaded(world: World, broker: Broker, env: Record<string, string> = {}) {
  const system = await taskSystem(world, { broker, env: { ...BATCHES, ...env } });
  await system.start('first');
  return { system, published: publishLoad(system.transport, LOAD) };
}

/** Of two processes one is killed and started again, three times. */
async function workerKilled(world: World, broker: Broker): Promise<Trial> {
  if (!hasKafka(world, broker)) return NOT_TRIED;
  const { system, published } = await loaded(world, broker);
  await system.start('second');
  for (let n = 1; n <= TIMES; n++) {
    await system.hasBegun(n * EACH);
    await system.kill('first');
    await system.start('first');
  }
  const faultEndedAt = Date.now();
  const end = { faultEndedAt, mostAgain: TIMES * PER_KILL };
  return { ...(await concludeTasks(system, await published, end)), times: TIMES };
}

async function handlersKilled(world: World, broker: Broker): Promise<Trial> {
  if (!hasKafka(world, broker)) return NOT_TRIED;
  const { system, published } = await loaded(world, broker);
  for (let n = 1; n <= TIMES; n++) {
    await system.hasBegun(n * EACH);
    killHandlers(system);
  }
  const faultEndedAt = Date.now();
  const end = { faultEndedAt, mostAgain: TIMES * PER_KILL };
  return { ...(await concludeTasks(system, await published, end)), times: TIMES };
}

function killHandlers(system: TaskSystem): void {
  const handlers = system.handlersOf('first');
  assert.ok(handlers.length > 0, 'there is no process of handlers');
  for (const pid of handlers) process.kill(pid, 'SIGKILL');
}

/** The process stops for longer than anybody waits for it, another takes its work over, and then it goes on. */
async function zombie(world: World, broker: Broker): Promise<Trial> {
  if (!hasKafka(world, broker)) return NOT_TRIED;
  const { system, published } = await loaded(world, broker);
  await system.hasBegun(EACH);
  const { pid } = system.child('first');
  process.kill(pid, 'SIGSTOP');
  try {
    await system.start('second');
    await delay(ZOMBIE_MS);
  } finally {
    process.kill(pid, 'SIGCONT');
  }
  const end = { faultEndedAt: Date.now(), mostAgain: PER_KILL };
  return concludeTasks(system, await published, end);
}

/**
 * The process stops while it waits for work. What Temporal gives to its open polls meanwhile, others get after it, and it reads that when
 * it goes on.
 */
async function idleZombie(world: World): Promise<Trial> {
  const system = await taskSystem(world, { env: BATCHES, workMs: SLOW_WORK_MS });
  await system.start('first');
  await system.start('second');
  const { pid } = system.child('first');
  process.kill(pid, 'SIGSTOP');
  const published = publishLoad(system.transport, LOAD / 2);
  try {
    await delay(ZOMBIE_MS);
  } finally {
    process.kill(pid, 'SIGCONT');
  }
  const end = { faultEndedAt: Date.now(), mostAgain: SLOTS + (SLOTS * 100) / SLOW_WORK_MS };
  return concludeTasks(system, await published, end);
}

/** So that there is work left when the process goes on. */
const SLOW_WORK_MS = 300;

/** Longer than the heartbeat of an activity, and than a session of Kafka. */
const ZOMBIE_MS = 20_000;

async function serverKilled(world: World, server: Server): Promise<Trial> {
  const servers = await privateServers(world, `tasks-${server}`);
  const { system, published } = await loaded(world, 'rabbitmq', servers.addresses);
  for (let n = 1; n <= TIMES; n++) {
    await system.hasBegun(n * EACH);
    servers.kill(server);
    await delay(AWAY_MS);
    await servers.start(server);
  }
  return concludeServer(system, await published);
}

async function kafkaKilled(world: World): Promise<Trial> {
  if (!hasKafka(world, 'kafka')) return NOT_TRIED;
  const own = await ownKafka(world);
  const addresses = { KAFKA_BOOTSTRAP_SERVERS: own.address('PLAINTEXT') };
  const { system, published } = await loaded(world, 'kafka', addresses);
  for (let n = 1; n <= TIMES; n++) {
    await system.hasBegun(n * EACH);
    await own.kill();
    await delay(AWAY_MS);
    await own.start();
  }
  return concludeServer(system, await published);
}

/** No process of handlers dies of it: what ran goes on, and is written down when its server is back. */
async function concludeServer(
  system: TaskSystem,
  expected: Awaited<ReturnType<typeof publishLoad>>,
): Promise<Trial> {
  const end = { faultEndedAt: Date.now(), mostAgain: TIMES * PER_KILL };
  return { ...(await concludeTasks(system, expected, end)), times: TIMES };
}

/** Members of a group join, leave in order, and are killed, under load. */
async function rebalanced(world: World): Promise<Trial> {
  if (!hasKafka(world, 'kafka')) return NOT_TRIED;
  const { system, published } = await loaded(world, 'kafka');
  await system.hasBegun(EACH);
  await system.start('joins');
  await system.hasBegun(2 * EACH);
  await system.stop('joins');
  await system.hasBegun(3 * EACH);
  await system.start('dies');
  await system.hasBegun(4 * EACH);
  await system.kill('dies');
  await system.start('joins late');
  const faultEndedAt = Date.now();
  // Who leaves in order gives up what it runs after a while.
  const end = { faultEndedAt, mostAgain: PER_KILL + SLOTS };
  return { ...(await concludeTasks(system, await published, end)), times: 4 };
}

const onBoth = (
  name: string,
  fault: (broker: string) => string,
  run: (world: World, broker: Broker) => Promise<Trial>,
): Scenario[] =>
  (['rabbitmq', 'kafka'] as const).map((broker) => ({
    name: `tasks/${name}-${broker}`,
    fault: fault(BROKERS[broker]),
    isQuick: false,
    runsAlone: true,
    run: (world) => run(world, broker),
  }));

const SERVER_NAMES: Record<Server, string> = {
  rabbitmq: 'RabbitMQ',
  temporal: 'Temporal',
  mongodb: 'MongoDB',
};

export const taskKills: Scenario[] = [
  ...onBoth(
    'kill-worker',
    (broker) =>
      `One of two processes of workers is killed under load and started again, three times; messages come from ${broker}`,
    workerKilled,
  ),
  ...onBoth(
    'kill-handlers',
    (broker) =>
      `The process of the handlers is killed under load, three times; messages come from ${broker}`,
    handlersKilled,
  ),
  ...onBoth(
    'zombie',
    (broker) =>
      `A process of workers is stopped (SIGSTOP) under load until another has taken its work over, and then goes on; messages come from ${broker}`,
    zombie,
  ),
  {
    name: 'tasks/zombie-idle',
    fault:
      'A process of workers is stopped (SIGSTOP) while it waits for work, and goes on when another has what Temporal gave to it meanwhile',
    isQuick: false,
    runsAlone: true,
    run: idleZombie,
  },
  ...(['rabbitmq', 'temporal', 'mongodb'] as const).map((server): Scenario => ({
    name: `tasks/kill-${server}`,
    fault: `${SERVER_NAMES[server]} is killed under a load of tasks and comes back after some seconds, three times`,
    isQuick: false,
    runsAlone: true,
    run: (world) => serverKilled(world, server),
  })),
  {
    name: 'tasks/kill-kafka',
    fault:
      'The broker of Kafka is killed under a load of tasks and comes back after some seconds, three times',
    isQuick: false,
    runsAlone: true,
    run: kafkaKilled,
  },
  {
    name: 'tasks/rebalance',
    fault:
      'Processes of workers join a group of Kafka under load, leave it in order, join again and are killed',
    isQuick: false,
    runsAlone: true,
    run: rebalanced,
  },
];
