/** What processes say of themselves, and what becomes of those that say nothing any more. */
import assert from 'node:assert/strict';
import { hostname } from 'node:os';
import { test } from 'node:test';
import type { Db } from 'mongodb';
import { openControl } from '../../src/coordination/control.ts';
import { joinProcesses, keepBeating, listProcesses } from '../../src/coordination/processes.ts';
import type { ProcessDocument, ProcessNeeds } from '../../src/coordination/processes.ts';
import { VERSION } from '../../src/domain/names.ts';
import { SILENT_MS } from '../../src/domain/timing.ts';
import { serverTime } from '../../src/mongo/server-time.ts';
import { OWN } from '../../src/mongo/collections.ts';
import { testDatabase } from '../helpers/servers.ts';

const VITALS = { loopDelayMs: 7, rss: 2 ** 27, heap: 2 ** 20, heapLimit: 2 ** 32 };
const joined = (db: Db, needs: Partial<ProcessNeeds> = {}) =>
  joinProcesses({
    db: () => Promise.resolve(db),
    role: 'worker',
    guard: { suffers: () => null, vitals: () => VITALS },
    ...needs,
  });

/** As if its last beat had been so long ago. */
async function silentFor(db: Db, _id: ProcessDocument['_id'], ms: number): Promise<void> {
  const beatAt = new Date((await serverTime(db)) - ms);
  await db.collection<ProcessDocument>(OWN.processes).updateOne({ _id }, { $set: { beatAt } });
}

test('a process that has begun is there, with how it is and since when, and goes on as the same', async (t) => {
  const { db } = await testDatabase(t);
  const intake = joined(db, {
    role: 'intake',
    guard: { suffers: () => 'memory: $high', vitals: () => null },
    sources: () =>
      Promise.resolve([{ name: 'some.$worker', deliveries: 5, closedBy: 'paused: by $ana' }]),
  });
  await intake.beat();
  const [first] = await listProcesses(db);
  await intake.beat();
  const [seen, ...more] = await listProcesses(db);
  assert.equal(more.length, 0);
  assert.ok(seen !== undefined && seen.silentMs >= 0 && seen.silentMs < SILENT_MS);
  const { role, host, pid, version, state, vitals, suffers, sources, since, stoppedAt } = seen;
  assert.deepEqual(
    { role, host, pid, version, state, vitals, suffers, sources, since, stoppedAt },
    {
      ...{ role: 'intake', host: hostname(), pid: process.pid, version: VERSION, state: 'alive' },
      ...{ vitals: null, suffers: 'memory: $high', since: first?.since, stoppedAt: null },
      sources: [{ name: 'some.$worker', deliveries: 5, closedBy: 'paused: by $ana' }],
    },
  );
});

test('a process is offline after three missed beats, by the clock of MongoDB, and alive again with the next', async (t) => {
  const { db } = await testDatabase(t);
  const [a, b] = [joined(db), joined(db)];
  const states = async () => {
    const all = await listProcesses(db);
    return [a, b].map(({ _id }) => all.find((each) => each._id === _id)?.state);
  };
  await a.beat();
  await silentFor(db, a._id, SILENT_MS / 2);
  assert.deepEqual(
    (await b.beat()).map(({ _id }) => _id),
    [a._id],
  );
  await silentFor(db, a._id, SILENT_MS + 1);
  assert.deepEqual(await states(), ['offline', 'alive']);
  assert.deepEqual(await b.beat(), [], 'nobody counts with it');
  assert.deepEqual(
    (await openControl(db).read()).processes.map(({ _id }) => _id),
    [b._id],
  );
  await a.beat();
  assert.deepEqual(await states(), ['alive', 'alive']);
});

test('a process that beats more seldom is offline after three missed beats of its own', async (t) => {
  const { db } = await testDatabase(t);
  const seldom = joined(db, { role: 'tasks', everyMs: 30_000 });
  const state = async () => (await listProcesses(db))[0]?.state;
  await seldom.beat();
  await silentFor(db, seldom._id, 95_000);
  assert.equal(await state(), 'alive');
  await silentFor(db, seldom._id, 125_000);
  assert.equal(await state(), 'offline');
});

test('a process that leaves by its own will has stopped and is not offline, whatever of it comes late', async (t) => {
  const { db } = await testDatabase(t);
  const [a, b] = [joined(db), joined(db)];
  await a.beat();
  await a.stop();
  await a.beat();
  assert.deepEqual(await b.beat(), []);
  await silentFor(db, a._id, 2 * SILENT_MS);
  const seen = (await listProcesses(db)).find(({ _id }) => _id === a._id);
  assert.equal(seen?.state, 'stopped');
  assert.ok(seen.stoppedAt instanceof Date);
});

test('of two beats the later one counts, in whatever order MongoDB has them', async (t) => {
  const { db } = await testDatabase(t);
  let arrive: (there: Db) => void = () => {};
  const asked = [new Promise<Db>((resolve) => (arrive = resolve))];
  const worker = joined(db, { db: () => asked.shift() ?? Promise.resolve(db) });
  const use = { endpoint: 'legacy', onTheWire: 0, waitReason: null };
  const first = worker.beat({ ...use, share: 1 });
  await worker.beat({ ...use, share: 50 });
  arrive(db);
  await first;
  const [seen] = await listProcesses(db);
  assert.equal(seen?.endpoints?.['legacy']?.share, 50);
});

test('a process that was silent for a day is forgotten', async (t) => {
  const { db } = await testDatabase(t);
  const indexes = await db.collection(OWN.processes).indexes();
  const expiring = indexes.flatMap(({ key, expireAfterSeconds }) =>
    expireAfterSeconds === undefined ? [] : [[key, expireAfterSeconds]],
  );
  assert.deepEqual(expiring, [[{ beatAt: 1 }, 24 * 3_600]]);
});

test('a beat that fails is told once and stops nothing, and so does a stop without MongoDB', async () => {
  const lines: string[] = [];
  const tell = (_: object, sentence: string) => void lines.push(sentence);
  const away = joinProcesses({
    db: () => Promise.reject(new Error('MongoDB is away')),
    role: 'intake',
    guard: { suffers: () => null, vitals: () => null },
  });
  const beating = keepBeating(
    async () => void (await away.beat()),
    { onChange: () => {} },
    { debug: tell, info: tell, warn: tell, error: tell },
  );
  await beating.run();
  await beating.run();
  await beating.close();
  await away.stop();
  assert.deepEqual(lines, ['MongoDB cannot be told that this process is alive: its work goes on']);
});
