/** Messages that no handler can take, and handlers that do what none should: each is found, and its neighbours are done. */
import assert from 'node:assert/strict';
import { setTimeout as delay } from 'node:timers/promises';
import { eventually } from '../../helpers/eventually.ts';
import { noKafka } from '../../helpers/kafka.ts';
import { proxyTo } from '../../helpers/proxy.ts';
import { NOT_TRIED, type Scenario, type Trial, type World } from '../scenario.ts';
import { PER_KILL, concludeTasks } from './conclude.ts';
import { bodyOf, countIn, mixed, publishLoad } from './load.ts';
import { SLOTS, taskSystem } from './system.ts';

const BROKERS = { rabbitmq: 'RabbitMQ', kafka: 'Kafka' } as const;

/** A word of the wrong type, none, and one that nobody handles. */
const BODIES = {
  'wrong-schema': { type: 'work', n: 'one', deed: 'done' },
  'no-type': { n: 1 },
  'unknown-type': { type: 'play' },
  number: 1,
} as const;

const DEADLY = ['exit', 'exit', 'block', 'hang', 'large', 'fail'] as const;
/** For a call; after it and ten seconds of grace its process is killed. */
const TIMEOUT_S = 3;

async function poisoned(world: World, broker: keyof typeof BROKERS): Promise<Trial> {
  if (broker === 'kafka' && noKafka !== false) return NOT_TRIED;
  const system = await taskSystem(world, { broker });
  const { transport } = system;
  await system.start('first', { WITNESS_TIMEOUT: String(TIMEOUT_S) });
  const count = countIn(world);
  const expected = await publishLoad(transport, count, {
    deedOf: (n) => (n % 30 === 7 ? (DEADLY[Math.floor(n / 30) % DEADLY.length] ?? 'done') : 'done'),
  });
  for (const [name, body] of Object.entries(BODIES)) {
    await transport.publish(name, Buffer.from(JSON.stringify(body)));
    expected.set(name, name === 'wrong-schema' ? 'malformed' : 'unknown-type');
  }
  await transport.publish('empty', Buffer.alloc(0));
  expected.set('empty', 'unknown-type');
  const begunAt = Date.now();
  await eventually('all that is good is done', async () => {
    const done = await system.claims.countDocuments({ 'outcome.kind': 'done' });
    const good = [...expected.values()].filter((end) => end === 'done').length;
    assert.equal(done, good);
  });
  const seconds = ((Date.now() - begunAt) / 1_000).toFixed(1);
  // Each that ends its process does so three times, and each time its neighbours begin again.
  const mostAgain = 2 * DEADLY.length + 3 * DEADLY.length * SLOTS;
  const end = { faultEndedAt: null, mostAgain };
  const note = `the others were done ${seconds} s after the last was published`;
  return { ...(await concludeTasks(system, expected, end)), note };
}

/** A message again and again: at once, while it is open, and when it is settled. */
async function duplicated(world: World): Promise<Trial> {
  const system = await taskSystem(world);
  const { transport, claims } = system;
  await Promise.all(['first', 'second'].map((name) => system.start(name)));
  const count = countIn(world);
  const expected = await publishLoad(transport, count, { twice: 1 });
  await eventually('most are settled', async () => {
    assert.ok((await claims.countDocuments({ settledAt: { $ne: null } })) > count / 2);
  });
  for (const id of expected.keys()) {
    const n = Number(id.slice(id.lastIndexOf('-') + 1));
    if (!Number.isNaN(n)) await transport.publish(id, bodyOf(n, mixed(n)));
  }
  return concludeTasks(system, expected, { faultEndedAt: null, mostAgain: 0 });
}

async function slow(world: World): Promise<Trial> {
  const system = await taskSystem(world, { slots: 50, workMs: 1 });
  await system.start('first');
  const expected = await publishLoad(system.transport, 50, {
    deedOf: (n) => (n === 0 ? 'slow' : 'done'),
    ...{ twice: 0, hasNone: false },
  });
  const done = await eventually('all but one are settled', async () => {
    const settled = await system.claims.find({ settledAt: { $ne: null } }).toArray();
    assert.equal(settled.length, 49);
    return settled;
  });
  const open = await system.claims.countDocuments({ settledAt: null });
  assert.equal(open, 1, 'the slow one has ended');
  const longest = Math.max(
    ...done.map(
      ({ settledAt, receivedAt }) => (settledAt?.getTime() ?? Infinity) - receivedAt.getTime(),
    ),
  );
  assert.ok(longest <= 1_000, `one was settled after ${longest} ms`);
  const trial = await concludeTasks(system, expected, { faultEndedAt: null, mostAgain: 0 });
  return { ...trial, note: `the last of 49 was settled ${longest} ms after it came` };
}

/** The broker cannot be reached for a while, nor Temporal, nor MongoDB. */
async function away(world: World, variable: 'AMQP_URL' | 'TEMPORAL_ADDRESS' | 'MONGODB_URI') {
  const given = process.env[variable] ?? '';
  const proxy = await proxyTo(world, variable === 'TEMPORAL_ADDRESS' ? `tcp://${given}` : given);
  const through = { [variable]: proxy.url.replace('tcp://', '') };
  const system = await taskSystem(world, { through });
  await system.start('first');
  const published = publishLoad(system.transport, 3 * countIn(world));
  await system.hasBegun(countIn(world));
  proxy.close();
  await delay(AWAY_MS);
  proxy.open();
  const end = { faultEndedAt: Date.now(), mostAgain: PER_KILL };
  return concludeTasks(system, await published, end);
}

const AWAY_MS = 12_000;

export const taskPoison: Scenario[] = [
  ...(['rabbitmq', 'kafka'] as const).map((broker): Scenario => ({
    name: `tasks/poison-${broker}`,
    fault: `Messages from ${BROKERS[broker]} are no JSON, of a wrong form or an unknown type; handlers throw, end their process, block it, never return, or return a megabyte`,
    isQuick: false,
    run: (world) => poisoned(world, broker),
  })),
  {
    name: 'tasks/duplicates',
    fault: 'Each message of a worker comes three times, twice before it is settled and once after',
    isQuick: false,
    run: duplicated,
  },
  {
    name: 'tasks/slow',
    fault: 'One handler takes 60 s beside 49 of 1 ms',
    isQuick: false,
    runsAlone: true,
    run: slow,
  },
  ...(
    [
      ['rabbitmq', 'AMQP_URL', 'RabbitMQ'],
      ['temporal', 'TEMPORAL_ADDRESS', 'Temporal'],
      ['mongodb', 'MONGODB_URI', 'MongoDB'],
    ] as const
  ).map(([name, variable, title]): Scenario => ({
    name: `tasks/away-${name}`,
    fault: `A process of workers cannot reach ${title} for 12 s, under load`,
    isQuick: false,
    run: (world) => away(world, variable),
  })),
];
