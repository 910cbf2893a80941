/** Shares of an endpoint, as several workers take them from what MongoDB has. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { TestContext } from 'node:test';
import type { Db } from 'mongodb';
import { joinProcesses } from '../../src/coordination/processes.ts';
import type { OwnProcess, SeenProcess } from '../../src/coordination/processes.ts';
import { GIVEN_UP_MS } from '../../src/domain/timing.ts';
import { keepShare, renewShare } from '../../src/outbound/concurrency.ts';
import { silent } from '../../src/runtime/log.ts';
import { createMetrics } from '../../src/runtime/metrics.ts';
import { createSlots } from '../../src/runtime/slots.ts';
import { eventually } from '../helpers/eventually.ts';
import { atEnd, testDatabase, uniqueName } from '../helpers/servers.ts';

const guard = { suffers: () => null, vitals: () => null, onChange: () => {} };

/** A worker of an endpoint; `used` is told of each change of what it uses. */
function workerOf(db: Db, endpoint: string, { isGone = false, used = () => {} } = {}) {
  const me = joinProcesses({
    db: () => Promise.resolve(db),
    role: 'worker',
    guard,
    isGone: () => isGone,
  });
  const world = { share: 1, onTheWire: 0 };
  const holding = {
    share: () => world.share,
    use(share: number) {
      world.share = share;
      used();
    },
    onTheWire: () => world.onTheWire,
    waitReason: () => null,
  };
  return {
    world,
    me,
    async beat(total: number): Promise<number> {
      await renewShare(me, endpoint, total, holding);
      return world.share;
    },
  };
}

test('what a worker still has on the wire is not free for the others', async (t) => {
  const { db } = await testDatabase(t);
  const [a, b] = [workerOf(db, 'legacy'), workerOf(db, 'legacy')];
  assert.equal(await a.beat(100), 100);
  assert.equal(await b.beat(100), 1);
  a.world.onTheWire = 80;
  assert.equal(await a.beat(100), 50);
  assert.equal(await b.beat(100), 20);
  a.world.onTheWire = 3;
  assert.equal(await a.beat(100), 50);
  assert.equal(await b.beat(100), 50);
});

test('a worker whose process has ended, or that has stopped, leaves its share at once, one that may be alive after a while', async (t) => {
  const { db } = await testDatabase(t);
  const first = workerOf(db, 'legacy');
  await first.beat(100);
  assert.equal(await workerOf(db, 'legacy').beat(100), 1);
  assert.equal(await workerOf(db, 'legacy', { isGone: true }).beat(100), 100);
  const name = uniqueName();
  const second = workerOf(db, name);
  assert.equal(await second.beat(100), 100, 'of another endpoint it is nobody’s');
  await second.me.stop();
  assert.equal(await workerOf(db, name).beat(100), 100);
});

test('one process has a share of each of two endpoints, and neither takes from the other', async (t) => {
  const { db } = await testDatabase(t);
  const a = workerOf(db, 'one');
  await a.beat(7);
  let share = 1;
  const other = {
    share: () => share,
    use: (next: number) => void (share = next),
    onTheWire: () => 0,
    waitReason: () => 'its breaker is open',
  };
  await renewShare(a.me, 'two', 9, other);
  const [seen] = await workerOf(db, 'three').me.beat();
  assert.deepEqual(
    Object.entries(seen?.endpoints ?? {}).map(([name, use]) => [name, use.share, use.waitReason]),
    [
      ['one', 7, null],
      ['two', 9, 'its breaker is open'],
    ],
  );
});

test('however they beat at the same time, come and go: together they never use more than the limit, and end with equal parts', async (t) => {
  const { db } = await testDatabase(t);
  const total = 60;
  const workers: ReturnType<typeof workerOf>[] = [];
  const most = { beyond: 0 };
  const used = () => {
    const sum = workers.reduce((all, { world }) => all + world.share, 0);
    // Each has one whatever the others have.
    const ones = workers.filter(({ world }) => world.share === 1).length;
    most.beyond = Math.max(most.beyond, sum - ones - total);
  };
  for (let round = 0; round < 20; round++) {
    if (round % 3 === 0 && workers.length < 6) workers.push(workerOf(db, 'legacy', { used }));
    if (round === 10) await workers.shift()?.me.stop();
    await Promise.all(workers.map((worker) => worker.beat(total)));
  }
  for (let round = 0; round < 3; round++) for (const worker of workers) await worker.beat(total);
  assert.ok(most.beyond <= 0, `${most.beyond} beyond ${total}`);
  assert.deepEqual(
    workers.map(({ world }) => world.share),
    workers.map(() => total / workers.length),
  );
});

/** What the others have of the endpoint, as a beat finds them. */
const others = (...shares: number[]): SeenProcess[] =>
  shares.map((share, n) => ({
    ...{ _id: `process/z${n}`, role: 'worker', host: 'another', machine: null, pid: n + 1 },
    version: '1',
    ...{ since: new Date(), beatAt: new Date(), stoppedAt: null, state: 'alive', silentMs: 0 },
    everyMs: 2_000,
    ...{ vitals: null, suffers: null, sources: [] },
    endpoints: { legacy: { share, onTheWire: 0, waitReason: null } },
  }));

/** A worker that has `share` and renews it, while its beats find these, one after the other. */
async function renewed(share: number, ...found: SeenProcess[][]) {
  const steps: string[] = [];
  const me: OwnProcess = {
    _id: 'process/me',
    beatAt: () => 0,
    beat(use) {
      steps.push(`says ${use?.share ?? 0}`);
      return Promise.resolve(found.shift() ?? []);
    },
    stop: () => Promise.resolve(),
  };
  await renewShare(me, 'legacy', 100, {
    share: () => share,
    use: (next) => void steps.push(`uses ${next}`),
    onTheWire: () => 0,
    waitReason: () => null,
  });
  return steps;
}

test('what a worker adds it says first, and then uses no more than the others have left meanwhile', async () => {
  const steps = await renewed(1, others(), others(90));
  assert.deepEqual(steps, ['says 1', 'says 100', 'uses 10']);
});

test('what a worker gives up it uses no more before it says so', async () => {
  const steps = await renewed(100, others(1), others(1));
  assert.deepEqual(steps, ['says 100', 'uses 50', 'says 50', 'uses 50']);
});

/** A worker whose beats are the test's. */
async function kept(t: TestContext, me: Partial<OwnProcess>) {
  const slots = createSlots(1);
  const concurrency = await keepShare({
    endpoint: 'legacy',
    me: {
      _id: 'process/me',
      beatAt: () => performance.now(),
      beat: () => Promise.resolve([]),
      stop: () => Promise.resolve(),
      ...me,
    },
    slots,
    maxConcurrent: () => 12,
    breaker: { opening: () => 1, wait: () => null },
    guard,
    metrics: createMetrics(),
    log: silent,
  });
  atEnd(t, () => concurrency.close());
  return { handful: () => slots.handful() };
}

test('a worker that cannot tell anybody that it is alive has one slot, and is started all the same', async (t) => {
  const { handful } = await kept(t, {
    beatAt: () => -Infinity,
    beat: () => Promise.reject(new Error('MongoDB is away')),
  });
  assert.equal(handful(), 1);
});

test('a worker that was silent for long gives its share up by itself', async (t) => {
  let beatAt = performance.now();
  const { handful } = await kept(t, { beatAt: () => beatAt });
  assert.equal(handful(), 3, 'a quarter of its twelve');
  beatAt -= GIVEN_UP_MS;
  await eventually('it has one', () => assert.equal(handful(), 1));
});
