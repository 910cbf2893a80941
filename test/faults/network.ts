/** What a network does to each of the four connections: of worker and intake, by toxiproxy. */
import assert from 'node:assert/strict';
import { setTimeout as delay } from 'node:timers/promises';
import type { Config } from '../../src/config/schema.ts';
import { declareQueues } from '../../src/broker/rabbitmq/queues.ts';
import { eventually } from '../helpers/eventually.ts';
import { flowOf } from '../helpers/flow.ts';
import { startSystem, type System } from '../helpers/system.ts';
import { conclude } from './conclude.ts';
import { privateServers } from './private-servers.ts';
import type { Scenario, Trial, World } from './scenario.ts';
import { toxicProxy, type Toxic } from './toxiproxy.ts';

interface Link {
  name: string;
  variable: 'AMQP_URL' | 'MONGODB_URI' | 'TEMPORAL_ADDRESS' | 'LEGACY_URL';
  address: (config: Config) => string;
}

const LINKS: Link[] = [
  { name: 'amqp', variable: 'AMQP_URL', address: ({ amqpUrl }) => amqpUrl },
  { name: 'mongodb', variable: 'MONGODB_URI', address: ({ mongodbUri }) => mongodbUri },
  {
    name: 'temporal',
    variable: 'TEMPORAL_ADDRESS',
    address: ({ temporalAddress }) => `tcp://${temporalAddress}`,
  },
  { name: 'legacy', variable: 'LEGACY_URL', address: ({ legacyUrl }) => legacyUrl },
];

interface Weather {
  name: string;
  what: string;
  toxics: Toxic[];
  /** Whether the system is expected to go on in it, slowly. */
  isMild?: true;
}

const both = (type: Toxic['type'], attributes: Record<string, number>): Toxic[] => [
  { type, stream: 'upstream', attributes },
  { type, stream: 'downstream', attributes },
];

const WEATHERS: Weather[] = [
  {
    name: 'latency',
    what: 'takes 100 to 300 ms in each direction',
    toxics: both('latency', { latency: 200, jitter: 100 }),
    isMild: true,
  },
  {
    name: 'sliced',
    what: 'hands on what is sent in pieces of some 40 bytes',
    toxics: both('slicer', { average_size: 40, size_variation: 20, delay: 20 }),
    isMild: true,
  },
  {
    name: 'reset',
    what: 'is reset half a second after it is used',
    toxics: [{ type: 'reset_peer', stream: 'downstream', attributes: { timeout: 500 } }],
  },
  {
    name: 'black-hole',
    what: 'stays open, and nothing gets through',
    toxics: both('timeout', { timeout: 0 }),
  },
  {
    name: 'answers-lost',
    what: 'is half open: what is sent arrives, and no answer comes back',
    toxics: [{ type: 'timeout', stream: 'downstream', attributes: { timeout: 0 } }],
  },
  {
    name: 'requests-lost',
    what: 'is half open: nothing that is sent arrives',
    toxics: [{ type: 'timeout', stream: 'upstream', attributes: { timeout: 0 } }],
  },
  {
    name: 'cut-in-an-answer',
    what: 'is cut in the middle of an answer, again and again',
    toxics: [{ type: 'limit_data', stream: 'downstream', attributes: { bytes: 3_000 } }],
  },
];

/** Most that is on the wire to the legacy system at once. */
const SLOTS = 8;
const COUNT = 60;
const FAULT_MS = 6_000;

const ENV = {
  DESPACHANTE_LEGACY_MAX_CONCURRENT: String(SLOTS),
  DESPACHANTE_INTAKE_BATCH_SIZE: '10',
  DESPACHANTE_TEST_CONSTANTS: 'rabbit.heartbeat=2000',
};

/**
 * The system, its neighbours reached directly but for one. Where that is not the legacy system, its answers may take long: on a machine
 * under load a registration would be in doubt for that alone.
 */
async function systemBehind(world: World, { name, variable, address }: Link, scenario: string) {
  // A connection that is cut in a transaction can leave the development server's SQLite "interrupted (9)" for good: other
  // scenarios keep theirs.
  const own =
    name === 'temporal' ? await privateServers(world, `behind-${scenario}`, ['temporal']) : null;
  const patience = name === 'legacy' ? {} : { DESPACHANTE_LEGACY_TIMEOUT: '10s' };
  const env = { ...ENV, ...patience, ...own?.addresses };
  const system = await startSystem(world, { env, roles: [] });
  const url = new URL(address(system.config));
  const proxy = await toxicProxy(world, `${url.hostname}:${url.port}`);
  url.host = proxy.address;
  const through = { [variable]: url.toString().replace(/^tcp:\/\/|\/$/g, '') };
  return { system, proxy, start: (role: 'worker' | 'intake') => system.start(role, through) };
}

async function weather(
  world: World,
  link: Link,
  { name, toxics, isMild }: Weather,
): Promise<Trial> {
  const { system, proxy, start } = await systemBehind(world, link, name);
  const flow = flowOf(system);
  await Promise.all([start('worker'), start('intake')]);
  await flow.publishMany('before', COUNT);
  await eventually('the first are claimed', async () => {
    assert.ok((await flow.tally('before')).claimed >= 10);
  });
  await proxy.add(toxics);
  const posts = system.simulator.stats().posts;
  await flow.publishMany('during', COUNT);
  await delay(FAULT_MS);
  if (isMild !== true) await proxy.clear();
  const faultEndedAt = isMild === true ? null : Date.now();
  const trial = await conclude(flow, {
    // Each POST of the bad time may have lost its answer; where it is only slow, none has.
    maxInDoubt: link.name !== 'legacy' ? SLOTS : isMild === true ? 0 : mostStruck(system, posts),
    faultEndedAt,
    withinMs: 150_000,
  });
  return trial;
}

/** What was on the wire when it began, and what was sent until it ended: what arrived, and what each slot has waited for in vain. */
const mostStruck = (system: System, before: number): number =>
  system.simulator.stats().posts - before + mostInVain(system);

const mostInVain = ({ config }: System): number =>
  SLOTS * (1 + Math.ceil(FAULT_MS / config.legacy.timeout));

/** Both are started into bad weather, and have to come up when it is over. */
async function startInto(world: World, link: Link, name: string, toxics: Toxic[]): Promise<Trial> {
  const { system, proxy, start } = await systemBehind(world, link, `start-into-${name}`);
  const flow = flowOf(system);
  await declareQueues(system.connection, system.config.rabbit);
  await flow.publishMany('waiting', COUNT);
  await proxy.add(toxics);
  // One that gives up is started again, as any supervisor does.
  const up = (role: 'worker' | 'intake') =>
    eventually(`the ${role} is up`, () => start(role), 120_000);
  const started = Promise.all([up('worker'), up('intake')]);
  await delay(FAULT_MS);
  await proxy.clear();
  const faultEndedAt = Date.now();
  await started;
  const maxInDoubt = link.name === 'legacy' ? mostInVain(system) : 0;
  return conclude(flow, { maxInDoubt, faultEndedAt });
}

const KILLS = 3;

/** Polls that take their time overlap with writes, and every run has to be replayed by the next worker. */
async function killedWhileSlow(world: World): Promise<Trial> {
  const link = LINKS.find(({ name }) => name === 'legacy');
  assert.ok(link);
  const { system, proxy, start } = await systemBehind(world, link, 'slow');
  await proxy.add(both('latency', { latency: 150, jitter: 150 }));
  const flow = flowOf(system);
  await Promise.all([start('worker'), start('intake')]);
  await flow.publishMany('slowly', KILLS * COUNT);
  for (let killed = 0; killed < KILLS; killed++) {
    const { registered } = await flow.tally('slowly');
    await eventually('some more are registered', async () => {
      assert.ok((await flow.tally('slowly')).registered >= registered + COUNT / 3);
    });
    await system.kill('worker');
    await start('worker');
  }
  return conclude(flow, { maxInDoubt: KILLS * SLOTS, faultEndedAt: Date.now() });
}

const slowAndKilled: Scenario = {
  name: 'network/legacy-slow-worker-killed',
  fault: `Each answer of the legacy system takes up to 600 ms, and the worker is killed ${KILLS} times meanwhile`,
  isQuick: false,
  run: killedWhileSlow,
};

const ofEachLink: Scenario[] = LINKS.flatMap((link) => [
  ...WEATHERS.map((each): Scenario => ({
    name: `network/${link.name}-${each.name}`,
    fault: `The connection to ${link.variable} ${each.what}`,
    isQuick: false,
    run: (world) => weather(world, link, each),
  })),
  {
    name: `network/${link.name}-start-into-black-hole`,
    fault: `Worker and intake are started while the connection to ${link.variable} opens and lets nothing through`,
    isQuick: false,
    run: (world) => startInto(world, link, 'black-hole', both('timeout', { timeout: 0 })),
  },
  {
    name: `network/${link.name}-start-into-half-open`,
    fault: `Worker and intake are started while the connection to ${link.variable} opens and no answer comes back`,
    isQuick: false,
    run: (world) =>
      startInto(world, link, 'half-open', [
        { type: 'timeout', stream: 'downstream', attributes: { timeout: 0 } },
      ]),
  },
]);

export const network: Scenario[] = [...ofEachLink, slowAndKilled];
