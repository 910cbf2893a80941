/** Failures are counted by group as they come and leave, whoever dies or stands still while he counts. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { claimKey } from '../../src/domain/names.ts';
import { dropTasks, taskFailures } from '../../src/operations/task-failures.ts';
import { openTaskClaims, type TaskClaim } from '../../src/tasks/claims.ts';
import { lookForLate } from '../../src/registrations/late.ts';
import { silent } from '../../src/runtime/log.ts';
import { testConfig } from '../helpers/configuration.ts';
import {
  HOUR,
  RUN,
  WORKER,
  counted,
  countsOf,
  inClaims,
  place,
  rejected,
  seen,
  watched,
} from '../helpers/groups.ts';
import { uniqueName } from '../helpers/servers.ts';

const taskOf = (n: number): TaskClaim => {
  const item = `${WORKER}/${n}`;
  const at = new Date();
  return {
    _id: claimKey(item, 0),
    ...{ worker: WORKER, item, generation: 0, conflict: false, token: uniqueName() },
    ...{ workflowId: RUN, index: n, bodyHash: '0'.repeat(64), key: null },
    ...{ receivedAt: at, claimedAt: at, message: null, attempts: 1, startedAt: at, finishedAt: at },
    origin: { broker: 'rabbitmq', queue: WORKER, exchange: '', routingKey: WORKER },
    ...{ error: null, outcome: null, settledAt: null },
  };
};

test('registrations are counted by group when they fail, are redriven, dropped, come back and are finished later', async (t) => {
  const { store, counts } = await place(t);
  const agrees = async () => assert.deepEqual(await counted(counts), await inClaims(store));
  const some = await rejected(store, 3, 'no name');
  await rejected(store, 2, 'no street');
  assert.deepEqual(await counted(counts), [
    ['no name', 'rejected', 3, 3, 0, 0, 3],
    ['no street', 'rejected', 2, 2, 0, 0, 2],
  ]);
  await store.records.left(seen(some.slice(0, 1)), 'redriven');
  await store.records.left(seen(some.slice(1, 2)), 'dropped');
  assert.deepEqual(await counted(counts), [
    ['no name', 'rejected', 1, 3, 1, 0, 3],
    ['no street', 'rejected', 2, 2, 0, 0, 2],
  ]);
  await agrees();
  await store.records.back(seen(some));
  await agrees();
  await store.malformed.note(Buffer.from('{'), 'no JSON', new Date());
  await store.malformed.note(Buffer.from('{'), 'no JSON', new Date());
  await agrees();
  await store.malformed.note(Buffer.from('{'), 'no JSON, again', new Date());
  await agrees();
  await rejected(store, 2, 'no answer', 'timed-out');
  await agrees();
  const status = () => Promise.resolve({ kind: 'done' } as const);
  await lookForLate({ config: testConfig(), store, status, log: silent });
  assert.equal(await counts.catchUp(Date.now()), null);
  const { largest } = await counts.read(Date.now(), 10);
  assert.equal(largest.find(({ reason }) => reason === 'no answer')?.finishedLater, 2);
  await agrees();
});

test('tasks are counted by group when they fail, are redriven and dropped', async (t) => {
  const { store, counts } = await place(t);
  const { own } = store;
  const claims = openTaskClaims(own);
  const all = Array.from({ length: 6 }, (_, n) => taskOf(n));
  await claims.insert(all);
  const keys = all.map(({ _id }) => _id);
  await claims.settled(
    keys.map((claim, n) => ({
      claim,
      outcome: { kind: n === 0 ? 'done' : 'permanent', reason: `no user ${n}`, at: new Date() },
    })),
    RUN,
  );
  await store.malformed.note(Buffer.from('{'), 'no JSON', new Date(), WORKER);
  assert.deepEqual(await counted(counts), [
    ['no JSON', 'malformed', 1, 1, 0, 0, 1],
    ['no user #', 'permanent', 5, 5, 0, 0, 5],
  ]);
  await claims.leave(keys.slice(1, 2), 'redriven');
  await claims.giveWay(keys.slice(1, 3));
  assert.deepEqual(await counted(counts), await inClaims(store));
  const choice = { ids: [], filters: {}, limit: Infinity, maxRedrives: 3, asOf: Date.now() + HOUR };
  await dropTasks(taskFailures(testConfig(), own, WORKER), own, choice);
  assert.deepEqual(await counted(counts), []);
});

test('whoever dies at any write while he counts leaves it to the next, and nothing counts twice', async (t) => {
  const { store, counts } = await place(t);
  let isOver = false;
  for (let last = 0; !isOver; last += 1) {
    const some = await rejected(store, 2, `reason ${'abcdefghijkl'.charAt(last)}`);
    await rejected(store, 1, 'always the same');
    await store.records.left(seen(some.slice(0, 1)), 'redriven');
    const mortal = countsOf(
      watched(store.own, (n) =>
        n === last ? Promise.reject(new Error('killed')) : Promise.resolve(),
      ),
    );
    isOver = await mortal.catchUp(Date.now()).then(
      () => true,
      () => false,
    );
    assert.deepEqual(await counted(counts), await inClaims(store), `killed at write ${last}`);
    assert.ok(!isOver || last > 4, 'it was killed at each of some writes');
  }
});

test('whoever stands still at any write and goes on when others have counted on counts nothing twice', async (t) => {
  const { store, counts } = await place(t);
  let hasStood = true;
  for (let at = 0; hasStood; at += 1) {
    hasStood = false;
    const some = await rejected(store, 3, `reason ${'abcdefghijkl'.charAt(at)}`);
    await rejected(store, 1, 'always the same');
    const slow = countsOf(
      watched(store.own, async (n) => {
        if (n !== at) return;
        hasStood = true;
        await counts.catchUp(Date.now());
        await store.records.left(seen(some.slice(0, 1)), 'dropped');
        await rejected(store, 1, 'always the same');
        await counts.catchUp(Date.now());
        await store.records.left(seen(some.slice(1, 2)), 'redriven');
      }),
    );
    await slow.catchUp(Date.now());
    await store.records.back(seen(some.slice(0, 1)));
    assert.deepEqual(await counted(counts), await inClaims(store), `stood still at write ${at}`);
  }
});

test('many who count at once, while failures come and leave, count each once', async (t) => {
  const { store, counts } = await place(t);
  const many = Array.from({ length: 3 }, () => countsOf(store.own));
  for (let round = 0; round < 4; round += 1) {
    const some = await rejected(store, 20, 'no name');
    await Promise.all([
      ...many.map((each) => each.catchUp(Date.now())),
      store.records.left(seen(some.slice(0, 10)), 'redriven'),
      rejected(store, 5, 'no street'),
    ]);
  }
  assert.deepEqual(await counted(counts), await inClaims(store));
});

test('what is not counted yet tells since when', async (t) => {
  const { store, counts } = await place(t);
  await rejected(store, 1, 'no name');
  const since = await counts.catchUp(Date.now(), 0);
  assert.ok(since !== null && Math.abs(Date.now() - since.getTime()) < HOUR);
  assert.equal(await counts.catchUp(Date.now()), null);
});
