/** A legacy system that is there, and whose answers for a while speak of something else than the registration. */
import assert from 'node:assert/strict';
import { findDoubts } from '../../src/registrations/doubts.ts';
import { eventually } from '../helpers/eventually.ts';
import { flowOf } from '../helpers/flow.ts';
import { uniqueName } from '../helpers/servers.ts';
import { startSystem } from '../helpers/system.ts';
import { accept, done, filed, redirect } from './answers.ts';
import { conclude } from './conclude.ts';
import { hostileSystem } from './hostile.ts';
import { SLOTS, SMALL, countIn, publishMixed } from './load.ts';
import type { Scenario, Trial, World } from './scenario.ts';

export const statuses: Scenario[] = [
  {
    name: 'legacy/redirects-after-post',
    fault:
      'The legacy system answers POSTs with 303, as after a web form, having filed every second one; a person decides on each',
    isQuick: false,
    run: redirectPosts,
  },
  {
    name: 'legacy/turned-away',
    fault: 'While the legacy system is deployed it answers everything with 401, and then with 404',
    isQuick: true,
    run: turnAway,
  },
  {
    name: 'legacy/look-up-while-away',
    fault:
      'Answers to POSTs are lost, and while they are looked up the legacy system answers 404 to everything, for longer than legacy.lookup.after',
    isQuick: false,
    run: lookUpWhileAway,
  },
];

const REDIRECTED = 12;

async function redirectPosts(world: World): Promise<Trial> {
  let isRedirecting = true;
  const isFiled = (id: string): boolean => Number(id.split('-').at(-1)) % 2 === 0;
  const legacy = await hostileSystem(world, {
    post: (id) => (!isRedirecting ? accept : isFiled(id) ? filed(redirect(303)) : redirect(303)),
    get: () => done,
  });
  const system = await startSystem(world, { legacyUrl: legacy.url, env: SMALL });
  const flow = flowOf(system);
  const prefix = uniqueName();
  await flow.publishMany(prefix, REDIRECTED);
  const ids = Array.from({ length: REDIRECTED }, (_, n) => `${prefix}-${n}`);
  await eventually('each is in doubt', async () => {
    const doubts = await findDoubts(system.store, system.config.legacy.timeout);
    assert.deepEqual(
      doubts.map(({ claim, reason }) => `${claim.item}: ${reason}`).sort(),
      ids.map((id) => `${id}: HTTP 303`).sort(),
    );
  });
  isRedirecting = false;
  await flow.publishMany(`${prefix}-after`, countIn(world));
  const faultEndedAt = Date.now();
  const word = ['--operator', 'rui', '--reason', 'seen in the legacy system'];
  for (const id of ids) {
    assert.equal(legacy.posts(id).length, 1, `${id} was sent again by itself`);
    if (isFiled(id)) {
      await flow.json('doubts', 'confirm', id, ...word, '--request-id', legacy.requestIdOf(id));
    } else await flow.json('doubts', 'resubmit', id, ...word);
  }
  const trial = await conclude(flow, { maxInDoubt: 0, faultEndedAt });
  assert.equal(legacy.strays(), 0, 'a redirect was followed');
  await flow.allRegistered(prefix, REDIRECTED + countIn(world));
  return { ...trial, times: REDIRECTED };
}

/** Each end of a registration is what it is without the fault: none is refused for it. */
async function turnAway(world: World): Promise<Trial> {
  const system = await startSystem(world, { env: SMALL });
  const flow = flowOf(system);
  const answer = (status: number) =>
    system.simulator.script({ bursts: [{ fromMs: 0, toMs: 3_600_000, status }] });
  answer(401);
  const prefix = uniqueName();
  const count = countIn(world);
  await flow.publishMany(prefix, count);
  const turned = (status: number): number =>
    system.simulator
      .ledger()
      .filter((entry) => entry.event === 'not-accepted' && entry.status === status).length;
  await eventually('some were answered 401', () => assert.ok(turned(401) > 0));
  await eventually('the worker tells it', () =>
    assert.match(
      system.log('worker'),
      /LEGACY_AUTHORIZATION.*rejects our address or our credentials/,
    ),
  );
  answer(404);
  await publishMixed(flow, count);
  await eventually('some were answered 404', () => assert.ok(turned(404) > 0));
  system.simulator.script({ bursts: [] });
  const trial = await conclude(flow, { maxInDoubt: 0, faultEndedAt: Date.now() });
  assert.equal((await flow.tally(prefix)).registered, count);
  return { ...trial, times: turned(401) + turned(404) };
}

const AWAY_MS = 12_000;

async function lookUpWhileAway(world: World): Promise<Trial> {
  const system = await startSystem(world, {
    env: {
      ...SMALL,
      DESPACHANTE_LEGACY_ON_UNKNOWN: 'lookup',
      DESPACHANTE_LEGACY_LOOKUP_PATH: '/registrations?externalId={id}',
      DESPACHANTE_LEGACY_LOOKUP_AFTER: '3s',
    },
  });
  const flow = flowOf(system);
  const known = uniqueName();
  await flow.publishMany(known, SLOTS);
  await flow.allRegistered(known, SLOTS);
  const before = system.simulator.stats().accepted;
  const lost = uniqueName();
  // It goes away between taking them and answering.
  await flow.publishMany(lost, SLOTS, { simulate: { loseAnswer: true, answerDelayMs: 1_500 } });
  await eventually('all are taken', () =>
    assert.equal(system.simulator.stats().accepted - before, SLOTS),
  );
  system.simulator.script({ bursts: [{ fromMs: 0, toMs: AWAY_MS, status: 404 }] });
  const faultEndedAt = Date.now() + AWAY_MS;
  await eventually(
    'all are registered',
    async () => assert.equal((await flow.tally(lost)).registered, SLOTS),
    90_000,
  );
  const trial = await conclude(flow, { maxInDoubt: 0, faultEndedAt });
  const absent = await flow.metric('worker', 'despachante_look_ups_total{result="absent"}');
  assert.ok(absent > 0, 'nothing was looked up while it was away');
  return { ...trial, times: SLOTS };
}
