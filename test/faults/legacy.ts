/** A legacy system that misbehaves, in every way that could be thought of, all at the same time. */
import assert from 'node:assert/strict';
import { findDoubts } from '../../src/registrations/doubts.ts';
import { flowOf } from '../helpers/flow.ts';
import type { Flow } from '../helpers/flow.ts';
import { startSystem } from '../helpers/system.ts';
import type { System } from '../helpers/system.ts';
import { conclude } from './conclude.ts';
import { hostileSystem } from './hostile.ts';
import { GOOD, answerTo } from './misconduct.ts';
import type { Misconduct } from './misconduct.ts';
import type { Scenario, World } from './scenario.ts';
import { FOR_EVER, ON_STATUS } from './status-misconduct.ts';
import { ON_SUBMIT } from './submit-misconduct.ts';

/** Long enough for a machine under load: a good answer that comes too late would be in doubt, too. */
const patience = ({ isQuick }: World) => ({
  DESPACHANTE_LEGACY_TIMEOUT: isQuick ? '2s' : '10s',
  DESPACHANTE_LEGACY_DEADLINE: isQuick ? '8s' : '30s',
  DESPACHANTE_TEST_CONSTANTS: 'legacy.maxPollInterval=2000',
});

/** Each way so many times, and as many registrations that nothing is wrong with. */
const TIMES = { quick: 2, full: 10 };

async function misbehave(
  world: World,
  ways: Misconduct[],
  withinMs: number,
  env: Record<string, string> = {},
) {
  const times = world.isQuick ? TIMES.quick : TIMES.full;
  const conductOf = (id: string) => ways[Number(/^odd-(\d+)-/.exec(id)?.[1])] ?? GOOD;
  const legacy = await hostileSystem(world, {
    post: (id, nth) => answerTo(conductOf(id), 'POST', nth),
    get: (id, nth) => answerTo(conductOf(id), 'GET', nth),
  });
  const system = await startSystem(world, {
    legacyUrl: legacy.url,
    // Most answers are odd: the breaker opens again and again, and with rests of up to a minute this would take half an hour.
    env: {
      ...patience(world),
      DESPACHANTE_TEST_CONSTANTS:
        'legacy.maxPollInterval=2000 breaker.rest=500 breaker.maxRest=500',
      ...env,
    },
  });
  const flow = flowOf(system);
  const ids = ways.flatMap((_, way) =>
    Array.from({ length: times }, (_, n) => [`odd-${way}-${n}`, `good-${way}-${n}`]).flat(),
  );
  await Promise.all(ids.map((id) => flow.publish({ id })));
  const inDoubt = times * ways.filter(({ end }) => end === 'in doubt').length;
  const trial = await conclude(flow, {
    maxInDoubt: ids.length,
    faultEndedAt: null,
    withinMs,
    alsoEnds: 'any',
  });
  const cutOff = await assertEnds(system, ids, conductOf);
  assert.ok(cutOff.size <= MOST_CUT_OFF, [...cutOff].join());
  assert.equal(trial.inDoubt, inDoubt + cutOff.size);
  for (const id of ids) {
    const { what, sends } = conductOf(id);
    if (!cutOff.has(id)) assert.equal(legacy.posts(id).length, sends, `POSTs of ${id}: ${what}`);
  }
  assert.equal(legacy.strays(), 0, 'a redirect was followed');
  const note = `memory of the worker: ${await megabytes(flow)} MB`;
  return { ...trial, times: ways.length * times, note };
}

/** Of hundreds. */
const MOST_CUT_OFF = 5;

/**
 * Returns those that should have been answered and are in doubt all the same: they were sent on a connection that the legacy
 * system was closing just then, after an odd answer to another one. Nobody can know whether they were taken.
 */
async function assertEnds(
  { store, config }: System,
  ids: string[],
  conductOf: (id: string) => Misconduct,
): Promise<ReadonlySet<string>> {
  const doubts = await findDoubts(store, config.legacy.timeout);
  const found = new Map<string, string>(doubts.map(({ claim }) => [claim.item, 'in doubt']));
  const why = new Map(doubts.map(({ claim, reason }) => [claim.item, reason]));
  for await (const { item: registration, outcome } of store.claims.collection.find({})) {
    if (outcome !== null) found.set(registration, outcome.kind);
  }
  const isCutOff = (id: string): boolean =>
    conductOf(id).end !== 'in doubt' &&
    found.get(id) === 'in doubt' &&
    why.get(id) === 'UND_ERR_SOCKET other side closed';
  const cutOff = new Set(ids.filter(isCutOff));
  const wrong = ids.filter((id) => !cutOff.has(id) && found.get(id) !== conductOf(id).end);
  const told = wrong.map(
    (id) => `${id}: ${conductOf(id).what}: ${found.get(id) ?? 'nowhere'} ${why.get(id) ?? ''}`,
  );
  assert.deepEqual(told, []);
  return cutOff;
}

async function megabytes(flow: Flow): Promise<number> {
  return Math.round((await flow.metric('worker', 'process_resident_memory_bytes')) / 2 ** 20);
}

export const legacyMisconduct: Scenario[] = [
  {
    name: 'legacy/odd-answers-to-post',
    fault: `The legacy system answers the POST in ${ON_SUBMIT.length} odd ways: statuses, redirects, HTML, cut, endless, huge or no answers, ids that are none`,
    isQuick: true,
    // Its legacy system is in this process, and other scenarios would make good answers late.
    runsAlone: true,
    run: (world) => misbehave(world, ON_SUBMIT, 120_000),
  },
  {
    name: 'legacy/odd-answers-to-get',
    fault: `The legacy system answers the GET in ${ON_STATUS.length} odd ways: statuses, words nobody knows, another's status, results that flip or come after the deadline`,
    isQuick: false,
    // Its legacy system is in this process, and other scenarios would make good answers late.
    runsAlone: true,
    run: (world) => misbehave(world, ON_STATUS, 180_000),
  },
  {
    name: 'legacy/no-answer-for-ever',
    fault: 'The legacy system accepts, and then does not know the registration any more, for ever',
    isQuick: false,
    // Its legacy system is in this process, and other scenarios would make good answers late.
    runsAlone: true,
    run: (world) => misbehave(world, FOR_EVER, 180_000, { DESPACHANTE_LEGACY_MAX_OPEN: '30s' }),
  },
];
