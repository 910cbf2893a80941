/** Tasks that are handled, and brought to their ends, over the real store. */
import assert from 'node:assert/strict';
import { after, test } from 'node:test';
import { setImmediate as turn } from 'node:timers/promises';
import { Binary } from 'mongodb';
import { ApplicationFailure } from '@temporalio/common';
import { createHandle, type HandleRequest } from '../../../activities/tasks/handle.ts';
import { createRunning } from '../../../activities/tasks/running.ts';
import { createTaskSettle } from '../../../activities/tasks/settle.ts';
import type { TaskDependencies } from '../../../activities/tasks/dependencies.ts';
import { createUnderWay } from '../../../activities/under-way.ts';
import type { Patience } from '../../../activities/gathering.ts';
import { createMetrics } from '../../../src/runtime/metrics.ts';
import { silent } from '../../../src/runtime/log.ts';
import { createSlots } from '../../../src/runtime/slots.ts';
import { openTaskClaims, type TaskClaim } from '../../../src/tasks/claims.ts';
import { createTaskMetrics } from '../../../src/tasks/metrics.ts';
import type { Ended } from '../../../src/workers/call.ts';
import { call, triedLater } from '../../helpers/activities.ts';
import { testDatabase, uniqueName } from '../../helpers/servers.ts';
import { callerOf } from '../../helpers/workers.ts';

const { own } = await testDatabase({ after });
const claims = openTaskClaims(own);
const done: Ended = { kind: 'done', result: 1, outgoing: [] };
const RUN = 'run-1';

/** Open claims of a run, and what it asks of their handlers. */
async function claimed(count: number, bytes = 2, more: Partial<TaskClaim> = {}) {
  const all = Array.from({ length: count }, (_, index): TaskClaim => {
    const item = `Sample/${uniqueName()}`;
    return {
      ...{ _id: `${item}~0`, worker: 'Sample', item, generation: 0, conflict: false, token: 't' },
      ...{ workflowId: RUN, index, bodyHash: 'h', key: null, attempts: 0, error: null },
      message: { body: new Binary(Buffer.alloc(bytes, '1')), properties: '{}' },
      origin: { broker: 'folder', folder: 'f', host: 'h' },
      ...{ receivedAt: new Date(), claimedAt: new Date(), startedAt: null, finishedAt: null },
      ...{ outcome: null, settledAt: null },
      ...more,
    };
  });
  await claims.insert(all);
  const requests = all.map(({ _id: claim, index }): HandleRequest => ({
    ...{ index, claim, attempt: 1, isLastAttempt: false, isSuspect: false },
  }));
  return { all, requests, keys: all.map(({ _id }) => _id) };
}

/** Handlers with four slots. */
function bed(handle: () => Promise<Ended> | Ended, given: Partial<TaskDependencies> = {}) {
  const needs: TaskDependencies = {
    ...{ worker: 'Sample', batchSize: null, process: 'here', claims, log: silent },
    results: { kept: () => '1', areInClaim: () => true, write: () => Promise.resolve() },
    caller: callerOf(handle),
    slots: createSlots(4),
    isStopping: () => false,
    running: createRunning(createUnderWay()),
    channels: {
      publish: () => Promise.resolve(),
      bury: null,
      isUnpublishable: (error): error is Error => error instanceof RangeError,
    },
    runStates: () => Promise.resolve(new Map()),
    metrics: createTaskMetrics(createMetrics().registry),
    ...given,
  };
  const handleTasks = createHandle(needs);
  return {
    ...createTaskSettle(needs),
    handle: (requests: HandleRequest[], patience?: Patience) =>
      call((all: HandleRequest[]) => handleTasks(all, patience), requests, {
        isLocal: patience !== undefined,
      }),
  };
}

test('while other calls have all slots, tasks go back to whatever process is free, and soon', async () => {
  const slots = createSlots(1);
  await slots.take(1);
  const { requests } = await claimed(1);
  const { handle } = bed(() => done, { slots });
  await assert.rejects(handle(requests), (error: unknown) => {
    assert.ok(error instanceof ApplicationFailure);
    assert.deepEqual([error.type, error.nonRetryable], ['NoSlot', false]);
    assert.ok(Number(error.nextRetryDelay) < 1_000);
    return true;
  });
  slots.release(1);
  assert.ok(slots.isFree(), 'nobody is left in the line');
  assert.deepEqual(await handle(requests), [{ index: 0, kind: 'done' }]);
});

test('what gets no slot while calls of its own run take long is left for whoever is free', async () => {
  const first = Promise.withResolvers<Ended>();
  const { requests } = await claimed(3);
  const { handle } = bed(() => first.promise, { slots: createSlots(1) });
  assert.deepEqual(await handle(requests), [{ index: 0, kind: 'running', process: 'here' }]);
  first.resolve(done);
});

test('the claims of large messages are read a few at once, and all of them are handled', async () => {
  const { requests } = await claimed(70, 256 * 1024);
  const reads: number[] = [];
  const { handle } = bed(() => done, {
    claims: {
      ...claims,
      find(keys) {
        reads.push(keys.length);
        return claims.find(keys);
      },
    },
  });
  // As its run does: what has no answer yet is asked for again.
  for (let left = requests; left.length > 0;) {
    const ended = new Set(
      (await handle(left)).flatMap(({ index, kind }) => (kind === 'done' ? index : [])),
    );
    left = left.filter(({ index }) => !ended.has(index));
  }
  const [first = 0, ...others] = reads;
  assert.ok(first <= 32, reads.join());
  assert.ok(Math.max(...others) <= 32, reads.join());
});

test('a call does not begin inside a workflow task that has waited too long for MongoDB', async () => {
  const { requests } = await claimed(1);
  const read = Promise.withResolvers<void>();
  let calls = 0;
  const { handle } = bed(
    () => {
      calls += 1;
      return done;
    },
    {
      claims: {
        ...claims,
        async find(keys) {
          await read.promise;
          return claims.find(keys);
        },
      },
    },
  );
  await assert.rejects(handle(requests, { inAll: 200, forOne: 100 }), triedLater('NoSlot'));
  read.resolve();
  await claims.find([]);
  for (let turns = 0; turns < 50; turns += 1) await turn();
  assert.equal(calls, 0);
});

test('where a task was ended while it was handled, its result says how it ended', async () => {
  const { requests, keys } = await claimed(1);
  const outcome = { kind: 'cancelled', reason: 'by ana', at: new Date() } as const;
  const written: [kind: string | undefined, isSettled: boolean][] = [];
  const { handle } = bed(
    async () => {
      await claims.conclude(
        keys.map((claim) => ({ claim, outcome, attempts: 0 })),
        RUN,
      );
      return done;
    },
    {
      results: {
        ...{ kept: () => null, areInClaim: () => false },
        async write(ended) {
          for (const each of ended) written.push([each.outcome?.kind, each.settledAt !== null]);
          await turn();
        },
      },
    },
  );
  await assert.rejects(handle(requests));
  assert.deepEqual(written, [
    ['done', true],
    ['cancelled', true],
  ]);
});

test('a task whose result is there when its run is cancelled is published, and is done', async () => {
  const { requests, keys } = await claimed(1);
  const [key = ''] = keys;
  const outgoing = [{ channel: { broker: 'rabbitmq', name: 'q' }, key: null, message: 1 }] as const;
  const published: string[] = [];
  const { buryTasks } = bed(() => done, {
    claims: {
      ...claims,
      // Its handler ends between the reading of its claim and the word that it is cancelled.
      async conclude(endings, run) {
        const at = new Date();
        const attempt = { attempts: 1, startedAt: at, finishedAt: at, error: null };
        await claims.record([{ claim: key, ...attempt, done: { result: '1', outgoing } }], run);
        return claims.conclude(endings, run);
      },
    },
    channels: {
      async publish(_outgoing, id) {
        published.push(id);
        await turn();
      },
      bury: () => assert.fail('it is done'),
      isUnpublishable: (error): error is Error => error instanceof RangeError,
    },
  });
  const cancelled = requests.map(({ index, claim }) => ({
    ...({ index, claim, failure: 'cancelled', attempts: 0 } as const),
  }));
  assert.deepEqual(await call(buryTasks, cancelled), [{ index: 0, kind: 'settled' }]);
  assert.deepEqual(published, [`${key}/0`]);
  assert.equal((await claims.find(keys)).get(key)?.outcome?.kind, 'done');
});

test('what large messages end with is settled a few at once, and a broker that is away keeps the rest open', async () => {
  const { all, requests } = await claimed(40, 256 * 1024, { result: '1', outgoing: '[]' });
  const { publishTasks } = bed(() => done);
  assert.equal((await call(publishTasks, requests)).length, all.length);
  const open = await claimed(40, 2, {
    result: '1',
    outgoing: JSON.stringify([
      { channel: { broker: 'rabbitmq', name: 'q' }, key: null, message: 1 },
    ]),
  });
  let tries = 0;
  const away = bed(() => done, {
    channels: {
      publish: () => ((tries += 1) > 32 ? Promise.reject(new Error('away')) : Promise.resolve()),
      bury: null,
      isUnpublishable: (error): error is Error => error instanceof RangeError,
    },
  });
  assert.equal((await call(away.publishTasks, open.requests)).length, 32);
  await assert.rejects(
    call(away.publishTasks, open.requests.slice(32)),
    triedLater('NothingSettled'),
  );
});
