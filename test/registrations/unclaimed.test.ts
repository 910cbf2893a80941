/** What ended runs brought and may not have claimed: each is found once, and the claim decides. */
import assert from 'node:assert/strict';
import { after, test } from 'node:test';
import type { ClaimRequest } from '../../activities/registrations/wanted.ts';
import type { OutcomeKind } from '../../src/domain/registrations/outcome.ts';
import type { NewRegistration } from '../../src/domain/registrations/item.ts';
import type { Brought, RunLife } from '../../src/domain/run-life.ts';
import { againIdOf } from '../../src/claims/left.ts';
import { findUnclaimed } from '../../src/registrations/sweep.ts';
import {
  call,
  claimRequest,
  hashOf,
  settlementOf,
  testBed,
  withToken,
} from '../helpers/activities.ts';
import { testConfig } from '../helpers/configuration.ts';
import { uniqueName } from '../helpers/servers.ts';

const bed = await testBed({ after });
const { claim, route, persist, store } = bed;

/** The first deliveries come at T0, redrives later. */
const T0 = Date.now();
const LATER = T0 + 60_000;

type Delivery = ClaimRequest & NewRegistration;

const delivered = (id: string, more: Partial<ClaimRequest> & { body?: string } = {}): Delivery => ({
  ...claimRequest(id, { receivedAt: T0, ...more }),
  label: id,
});

/** Has a run of its own claim it. */
const take = (delivery: Delivery) => call(claim, [delivery], { workflowId: uniqueName() });

/** Brings a claim, that of generation 0 unless another is named, to its end, as its run would. */
async function end(id: string, kind: OutcomeKind, key = `${id}~0`): Promise<void> {
  const held = (await store.claims.find([key])).get(key);
  assert.ok(held, `no claim ${key}`);
  const settlement = settlementOf(id, kind, { claim: key, entry: `${key}#1` });
  const { workflowId } = held;
  const answers = await call(kind === 'registered' ? persist : route, [settlement], { workflowId });
  assert.deepEqual(answers, [{ index: 0, kind: 'settled' }]);
}

/** What is found where Temporal tells of these runs: they are closed unless it says otherwise, and it knows no others. */
const find = (
  runs: Record<string, Brought<NewRegistration>>,
  states: Record<string, RunLife> = {},
) =>
  findUnclaimed({
    config: testConfig(),
    store,
    openRuns: () => Promise.reject(new Error('the list of open runs is not asked for')),
    runStates: (ids) =>
      Promise.resolve(
        new Map(ids.map((id) => [id, states[id] ?? (id in runs ? 'closed' : 'unknown')])),
      ),
    endedRuns: () => Promise.resolve(Object.keys(runs)),
    broughtBy: (workflowId) => {
      const brought = runs[workflowId];
      return brought === undefined
        ? Promise.reject(new Error(`${workflowId} was not asked for`))
        : Promise.resolve(brought);
    },
  });

/** Those of a dead run that are found. */
async function foundOf(...deliveries: Delivery[]): Promise<Delivery[]> {
  const registrations = await Promise.all(deliveries.map((each) => withToken(store, each)));
  const { unclaimed, unreadable } = await find({ 'run-dead': { items: registrations } });
  assert.equal(unreadable.size, 0);
  const found = unclaimed.flatMap((run) => run.items);
  return deliveries.filter((_, at) =>
    registrations.slice(at, at + 1).some((each) => found.includes(each)),
  );
}

test('a run whose input cannot be read is told with the reason, and what the others have left is found', async () => {
  const [before, behind] = [delivered(bed.id()), delivered(bed.id())];
  const { unclaimed, unreadable } = await find({
    'run-1': { items: [before] },
    'run-2': { items: [], unreadable: 'the key "old" is not there' },
    'run-3': { items: [behind] },
  });
  assert.deepEqual(unclaimed, [
    { workflowId: 'run-1', items: [before] },
    { workflowId: 'run-3', items: [behind] },
  ]);
  assert.deepEqual([...unreadable], [['run-2', 'the key "old" is not there']]);
});

test('of a run that is open again, or for another reason not known to be dead, nothing is found', async () => {
  const registrations = [delivered(bed.id())];
  const runs = { 'run-1': { items: registrations }, 'run-2': { items: [], unreadable: 'why' } };
  const { unclaimed, unreadable } = await find(runs, { 'run-1': 'running', 'run-2': 'running' });
  assert.deepEqual(unclaimed, []);
  assert.equal(unreadable.size, 0);
});

test('a first delivery without a claim is found, and one with a claim, open or settled, is not', async () => {
  const [without, open, settled] = [bed.id(), bed.id(), bed.id()].map((id) => delivered(id));
  assert.ok(without && open && settled);
  await take(open);
  await take(settled);
  await end(settled.id, 'registered');
  assert.deepEqual(await foundOf(without, open, settled), [without]);
});

test('other bytes under an id that is claimed are found, and the same bytes are not', async () => {
  const id = bed.id();
  await take(delivered(id));
  const other = delivered(id, { body: '{"other":true}' });
  assert.deepEqual(await foundOf(delivered(id, { receivedAt: LATER }), other), [other]);
});

for (const life of ['running', 'closed'] as const) {
  test(`what was started again is not found a second time: that run is ${life}`, async () => {
    const registrations = [delivered(bed.id())];
    const { unclaimed } = await find(
      { 'run-1': { items: registrations } },
      { [againIdOf('run-1')]: life },
    );
    assert.deepEqual(unclaimed, []);
  });
}

test('a redrive that was claimed and is started again all the same is dropped as a duplicate', async () => {
  const id = bed.id();
  await take(delivered(id));
  await end(id, 'rejected');
  const redrive = delivered(id, { failedGeneration: 0, receivedAt: LATER });
  assert.deepEqual(await foundOf(redrive), [redrive]);
  await take(redrive);
  await end(id, 'rejected', `${id}~1`);
  assert.deepEqual(await take(redrive), [{ index: 0, kind: 'duplicate' }]);
});

for (const kind of ['registered', 'timed-out'] as const) {
  test(`a redriven conflict with what is ${kind} is taken up once for each time it is redriven`, async () => {
    const id = bed.id();
    const body = '{"other":true}';
    const key = `${id}~0!${hashOf(body).slice(0, 16)}`;
    await take(delivered(id));
    await end(id, kind);
    await take(delivered(id, { body }));
    await end(id, 'conflict', key);
    for (const receivedAt of [LATER, LATER + 1]) {
      const redrive = await withToken(
        store,
        delivered(id, { body, failedGeneration: 0, receivedAt }),
      );
      assert.equal((await take(redrive))[0]?.kind, 'conflict');
      await end(id, 'conflict', key);
      assert.deepEqual(await take(redrive), [{ index: 0, kind: 'duplicate' }], 'started again');
    }
  });
}

test('what takes up a claim is no delivery, and is not found', async () => {
  const id = bed.id();
  assert.deepEqual(await foundOf(delivered(id, { takes: `${id}~0` })), []);
});
