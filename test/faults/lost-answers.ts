/** "Execute and time out": what was asked for has happened, and whoever asked is never told. At each neighbour. */
import assert from 'node:assert/strict';
import { OWN } from '../../src/mongo/collections.ts';
import { ATTRIBUTE_IDS } from '../../src/domain/names.ts';
import { eventually } from '../helpers/eventually.ts';
import { flowOf } from '../helpers/flow.ts';
import type { Flow } from '../helpers/flow.ts';
import { startSystem } from '../helpers/system.ts';
import type { Proxied, System } from '../helpers/system.ts';
import { conclude } from './conclude.ts';
import { SLOTS, SMALL, countIn, publishMixed } from './load.ts';
import type { Scenario, Trial, World } from './scenario.ts';

interface Loss {
  name: string;
  fault: string;
  at: Proxied;
  isQuick?: true;
  /** What the bytes of the request hold, and of no other. */
  request(system: System): string;
  /** How many of its effects can be seen. */
  effects(system: System, flow: Flow): Promise<number>;
  maxInDoubt: number;
}

/** As a command begins on the wire: BSON, a string field named like the command, with the collection. */
const command = (name: 'insert' | 'update', collection: string): string =>
  `\x02${name}\0${String.fromCharCode(collection.length + 1)}\0\0\0${collection}\0`;

const LOSSES: Loss[] = [
  {
    name: 'start',
    fault: 'Temporal starts a run, and its answer to the intake is lost',
    at: 'TEMPORAL_ADDRESS',
    // What a run carries is encrypted; the attribute by which it is found is not, and only who starts one sets it.
    request: () => ATTRIBUTE_IDS,
    effects: async ({ store }) => store.claims.collection.countDocuments(),
    maxInDoubt: SLOTS,
  },
  {
    name: 'claim',
    fault: 'MongoDB inserts claims, and its answer is lost',
    at: 'MONGODB_URI',
    request: () => command('insert', OWN.claims),
    effects: ({ store }) => store.claims.collection.countDocuments(),
    maxInDoubt: SLOTS,
  },
  {
    name: 'journal-intent',
    fault: 'MongoDB writes the intents of POSTs, and its answer is lost',
    at: 'MONGODB_URI',
    request: () => command('insert', OWN.journal),
    effects: ({ store }) => store.journal.collection.countDocuments(),
    maxInDoubt: SLOTS,
  },
  {
    name: 'journal-answer',
    fault: 'MongoDB writes the answers to POSTs into the journal, and its own answer is lost',
    at: 'MONGODB_URI',
    request: () => command('update', OWN.journal),
    effects: ({ store }) =>
      store.journal.collection.countDocuments({ state: { $in: ['accepted', 'refused'] } }),
    maxInDoubt: SLOTS,
  },
  {
    name: 'status',
    fault: 'MongoDB writes the status of successes, and its answer is lost',
    at: 'MONGODB_URI',
    request: ({ config }) => command('insert', config.mongodb.collection),
    effects: ({ store }) => store.results.count(),
    maxInDoubt: SLOTS,
  },
  {
    name: 'settled',
    fault: 'MongoDB notes in the claims that they are settled, and its answer is lost',
    at: 'MONGODB_URI',
    request: () => command('update', OWN.claims),
    effects: ({ store }) => store.claims.collection.countDocuments({ outcome: { $ne: null } }),
    maxInDoubt: SLOTS,
  },
  {
    name: 'confirm',
    fault: 'RabbitMQ takes a failure record, and its confirm is lost',
    at: 'AMQP_URL',
    isQuick: true,
    request: ({ config }) => config.rabbit.failureQueue,
    effects: (system) => system.depth(system.config.rabbit.failureQueue),
    maxInDoubt: 0,
  },
];

export const lostAnswers: Scenario[] = [
  ...LOSSES.map((loss) => ({
    name: `lost-answer/${loss.name}`,
    fault: loss.fault,
    isQuick: loss.isQuick ?? false,
    run: (world: World) => lose(world, loss),
  })),
  {
    name: 'lost-answer/post',
    fault: 'The legacy system accepts a registration, and cuts the connection before it answers',
    isQuick: false,
    run: losePosts,
  },
];

const IN_HAND = 'despachante_unacknowledged{source="registrations"}';

/** Three times: the effect is there, the connection hangs, and then it is cut. */
async function lose(world: World, loss: Loss): Promise<Trial> {
  const system = await startSystem(world, { env: SMALL, proxied: [loss.at] });
  const flow = flowOf(system);
  const proxy = system.proxy(loss.at);
  const rounds = 3;
  let faultEndedAt = 0;
  for (let round = 1; round <= rounds; round++) {
    const before = await loss.effects(system, flow);
    const lost = proxy.withheld();
    proxy.withholdAnswersTo(loss.request(system));
    await publishMixed(flow, countIn(world));
    await eventually(`round ${round}: it was asked for, and has happened`, async () => {
      assert.ok(proxy.withheld() > lost, 'it was not asked for');
      assert.ok((await loss.effects(system, flow)) > before, 'it has not happened');
    });
    proxy.withholdAnswersTo(null);
    proxy.cut();
    faultEndedAt = Date.now();
    // Where a start is asked for again, all the others of its connection are lost with it in the next round.
    await eventually(`round ${round}: the intake has handed over all that came`, async () => {
      assert.equal(await flow.metric('intake', IN_HAND), 0);
    });
  }
  const trial = await conclude(flow, { maxInDoubt: rounds * loss.maxInDoubt, faultEndedAt });
  return { ...trial, times: proxy.withheld() };
}

const BREAKER_REST_MS = 500;
/** Held back, one waits half as long again at most (spread, src/outbound/gate.ts); then there is the request itself. */
const EACH_REST_MS = BREAKER_REST_MS * 1.5 + 500;
const AT_REST_MS = 90_000;

/**
 * Each lost answer is a doubt, and nothing else is. So many in a row open the circuit breaker, if they come within its window:
 * then each rest ends with one probe, of which four in five lose their answer, too. By default a rest grows up to a minute,
 * and 40 in a row would take half an hour; here it stays as it is, and no rest ends without one doubt more.
 */
async function losePosts(world: World): Promise<Trial> {
  const breaker = {
    DESPACHANTE_TEST_CONSTANTS: `breaker.rest=${BREAKER_REST_MS} breaker.maxRest=${BREAKER_REST_MS}`,
  };
  const system = await startSystem(world, { env: { ...SMALL, ...breaker } });
  const flow = flowOf(system);
  const count = countIn(world);
  await publishMixed(flow, count);
  const ids = await publishMixed(flow, count, { loseAnswer: true });
  // Every fifth is refused before it can be accepted.
  const wanted = ids.filter((_, n) => n % 5 !== 1).length;
  const withinMs = AT_REST_MS + wanted * EACH_REST_MS;
  const trial = await conclude(flow, { maxInDoubt: wanted, faultEndedAt: null, withinMs });
  assert.equal(trial.inDoubt, wanted);
  return { ...trial, times: wanted };
}
