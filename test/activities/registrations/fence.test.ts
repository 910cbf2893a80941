/** Attempts of a dead run that go on after another run has taken its claims over, on a real MongoDB. */
import assert from 'node:assert/strict';
import { after, test } from 'node:test';
import type { TestContext } from 'node:test';
import {
  call,
  claimed,
  claimRequest,
  settlementOf,
  testBed,
  triedLater,
} from '../../helpers/activities.ts';
import type { BedOptions } from '../../helpers/activities.ts';
import { testDatabase } from '../../helpers/servers.ts';
import { simulatorFor } from '../../simulator/harness.ts';

const store = await testDatabase({ after });
const OLD = { workflowId: 'run-old' };
const NEW = { workflowId: 'run-new' };

/** Activities for which `run-old` is dead: what it has claimed is taken by the next that meets it. */
const bedFor = (t: TestContext, options: BedOptions = {}) =>
  testBed(t, {
    store,
    ...options,
    replace: {
      runStates: (ids) => Promise.resolve(new Map(ids.map((id) => [id, 'closed']))),
      ...options.replace,
    },
  });

/** Claimed by the old run and taken over by the new one. */
async function takenOver(bed: Awaited<ReturnType<typeof bedFor>>): Promise<string> {
  const id = bed.id();
  await call(bed.claim, [claimRequest(id)], OLD);
  const [answer] = await call(bed.claim, [claimRequest(id)], NEW);
  assert.equal(answer?.kind, 'claimed');
  return id;
}

const claimOf = async (id: string) => (await store.claims.find([`${id}~0`])).get(`${id}~0`);
const isTaken = [{ index: 0, kind: 'taken' }];

test('persist: an attempt of the old run writes no status after its claim was taken over', async (t) => {
  const bed = await bedFor(t);
  const id = await takenOver(bed);
  assert.deepEqual(await call(bed.persist, [settlementOf(id, 'registered')], OLD), isTaken);
  assert.equal(await store.results.find(id), null);
  const claim = await claimOf(id);
  assert.deepEqual([claim?.workflowId, claim?.outcome, claim?.settledAt], ['run-new', null, null]);
  assert.ok(claim?.message);
  assert.deepEqual(await call(bed.persist, [settlementOf(id, 'registered')], NEW), [
    { index: 0, kind: 'settled' },
  ]);
});

test('persist: what is still the run’s own is settled beside what was taken from it', async (t) => {
  const bed = await bedFor(t);
  const [lost, kept] = [await takenOver(bed), bed.id()];
  await call(bed.claim, [claimRequest(kept, { index: 1 })], OLD);
  const answers = await call(
    bed.persist,
    [settlementOf(lost, 'registered'), settlementOf(kept, 'registered', { index: 1 })],
    OLD,
  );
  assert.deepEqual(answers.map(({ index, kind }) => `${index} ${kind}`).sort(), [
    '0 taken',
    '1 settled',
  ]);
  assert.equal(await store.results.find(lost), null);
  assert.equal((await store.results.find(kept))?.['status'], 'registered');
});

test('route: an attempt of the old run publishes no record, and does not touch the outcome of the new one', async (t) => {
  const bed = await bedFor(t);
  const id = await takenOver(bed);
  assert.deepEqual(await call(bed.route, [settlementOf(id, 'timed-out')], OLD), isTaken);
  assert.deepEqual(bed.failures.records, []);
  assert.equal((await claimOf(id))?.outcome, null);

  await call(bed.route, [settlementOf(id, 'failed')], NEW);
  assert.deepEqual(await call(bed.route, [settlementOf(id, 'timed-out')], OLD), isTaken);
  assert.deepEqual(
    bed.failures.records.map(({ failureClass, workflowId }) => [failureClass, workflowId]),
    [['failed', 'run-new']],
  );
  assert.equal((await claimOf(id))?.outcome?.kind, 'failed');
});

test('route: a claim that is taken over while its outcome is written keeps that outcome, and only its new run publishes it', async (t) => {
  const bed = await bedFor(t, {
    replace: {
      claims: {
        ...store.claims,
        async conclude(outcomes, workflowId) {
          await store.claims.conclude(outcomes, workflowId);
          if (workflowId !== OLD.workflowId) return;
          const moving = outcomes.map(({ claim }) => ({ claim, index: 0 }));
          await store.claims.take(OLD.workflowId, NEW.workflowId, moving);
        },
      },
    },
  });
  const id = bed.id();
  await call(bed.claim, [claimRequest(id)], OLD);
  assert.deepEqual(await call(bed.route, [settlementOf(id, 'timed-out')], OLD), isTaken);
  assert.deepEqual(bed.failures.records, []);
  const [answer] = await call(bed.claim, [claimRequest(id)], NEW);
  assert.ok(answer?.kind === 'concluded');
  assert.equal(answer.outcome.kind, 'timed-out');
});

test('submit: an attempt of the old run sends nothing and writes no intent after its claim was taken over', async (t) => {
  const simulator = await simulatorFor(t);
  const bed = await bedFor(t, { legacyUrl: simulator.url });
  const requests = await claimed(bed, [{ id: bed.id() }, { id: bed.id() }], OLD.workflowId);
  const [lost] = requests;
  assert.ok(lost);
  await store.claims.take(OLD.workflowId, NEW.workflowId, [{ claim: lost.claim, index: 0 }]);
  const answers = await call(bed.submit, requests, OLD);
  assert.deepEqual(answers.map(({ index, kind }) => `${index} ${kind}`).sort(), [
    '0 taken',
    '1 accepted',
  ]);
  assert.equal((await store.journal.read([lost.entry])).size, 0);
  assert.equal((await call(bed.submit, [lost], NEW))[0]?.kind, 'accepted');
  assert.equal(simulator.ledger().filter(({ event }) => event === 'accepted').length, 2);
});

test('what was read before a pause is not believed after it: nothing is written, published or sent', async (t) => {
  const simulator = await simulatorFor(t);
  let now = 0;
  const pause = <T>(answer: T): T => {
    now += 6_000;
    return answer;
  };
  const { claims } = store;
  const bed = await bedFor(t, {
    legacyUrl: simulator.url,
    replace: {
      claims: {
        ...claims,
        workflowIds: (keys) => claims.workflowIds(keys).then(pause),
        standing: (keys) => claims.standing(keys).then(pause),
        owners: (keys) => claims.owners(keys).then(pause),
        // What the claim step reads is no matter here.
        find: async (keys) => (now > 0 ? pause(await claims.find(keys)) : claims.find(keys)),
      },
    },
  });
  const [request] = await claimed(bed, [{ id: bed.id() }], OLD.workflowId);
  assert.ok(request);
  const id = request.claim.slice(0, -2);
  now = 1;
  t.mock.method(performance, 'now', () => now);
  await assert.rejects(
    call(bed.persist, [settlementOf(id, 'registered')], OLD),
    triedLater('Stale'),
  );
  await assert.rejects(call(bed.route, [settlementOf(id, 'timed-out')], OLD), triedLater('Stale'));
  await assert.rejects(call(bed.submit, [request], OLD), triedLater('Stale'));
  assert.equal(await store.results.find(id), null);
  assert.deepEqual(bed.failures.records, []);
  assert.deepEqual(simulator.ledger(), []);
});

test('persist: an attempt inside a workflow task that was paused for 4 s writes nothing, since another worker may have the task', async (t) => {
  let now = 0;
  const { claims } = store;
  const holders: typeof claims.workflowIds = async (keys) => {
    const answer = await claims.workflowIds(keys);
    now += 4_000;
    return answer;
  };
  const bed = await bedFor(t, { replace: { claims: { ...claims, workflowIds: holders } } });
  const [request] = await claimed(bed, [{ id: bed.id() }], OLD.workflowId);
  assert.ok(request);
  const settlement = settlementOf(request.claim.slice(0, -2), 'registered');
  t.mock.method(performance, 'now', () => now);
  const local = call(bed.persist, [settlement], { ...OLD, isLocal: true });
  await assert.rejects(local, triedLater('Stale'));
  assert.equal(await store.results.find(settlement.id), null);
  // One of the server's may be silent for longer: it is given up after 8 s.
  assert.deepEqual(await call(bed.persist, [settlement], OLD), [{ index: 0, kind: 'settled' }]);
});

test('claim: an attempt that has been given up takes nothing over', async (t) => {
  const bed = await bedFor(t);
  const id = bed.id();
  await call(bed.claim, [claimRequest(id)], OLD);
  await assert.rejects(call(bed.claim, [claimRequest(id)], { ...NEW, cancelled: true }), {
    name: 'CancelledFailure',
  });
  assert.equal((await claimOf(id))?.workflowId, 'run-old');
});
