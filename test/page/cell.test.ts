import assert from 'node:assert/strict';
import { test } from 'node:test';
import { createCell } from '../../src/page/cell.ts';
import { createCollector } from '../../src/page/collector.ts';
import { VIEWS } from '../../src/page/routes.ts';
import { silent } from '../../src/runtime/log.ts';

function cellOf() {
  const world = { now: 0, answer: (): Promise<number> => Promise.resolve(7), reads: 0 };
  const cell = createCell(
    () => {
      world.reads += 1;
      return world.answer();
    },
    () => world.now,
  );
  return { world, cell };
}

test('what was never read is unknown, and no zero', async () => {
  const { world, cell } = cellOf();
  assert.equal(cell.tile(2_000).state, 'unknown');
  world.answer = () => Promise.reject(new Error('mongodb://u:p@host does not answer'));
  await cell.refresh(2_000);
  assert.deepEqual(cell.tile(2_000), {
    state: 'unknown',
    reason: 'mongodb://***@host does not answer',
  });
});

test('readings that build on another one share it, and fail as it fails', async () => {
  const { world, cell } = cellOf();
  assert.deepEqual(await Promise.all([cell.latest(2_000), cell.latest(2_000)]), [7, 7]);
  assert.equal(await cell.latest(2_000), 7);
  assert.equal(world.reads, 1);
  world.now = 3_000;
  world.answer = () => Promise.reject(new Error('away'));
  await assert.rejects(cell.latest(2_000), /^Error: away$/);
  world.answer = () => Promise.resolve(8);
  assert.equal(await cell.latest(2_000), 8);
});

test('what cannot be read again is stale, with its age and why', async () => {
  const { world, cell } = cellOf();
  await cell.refresh(2_000);
  assert.equal(cell.tile(2_000).state, 'value');
  world.answer = () => Promise.reject(new Error('away'));
  world.now = 3_000;
  await cell.refresh(2_000);
  const tile = cell.tile(2_000);
  assert.ok(tile.state === 'stale' && tile.value === 7 && tile.reason === 'away');
});

test('a reading that lasts makes the last one stale', async () => {
  const { world, cell } = cellOf();
  await cell.refresh(2_000);
  world.answer = () => new Promise(() => {});
  world.now = 3_000;
  void cell.refresh(2_000);
  world.now = 40_000;
  assert.equal(cell.tile(2_000).state, 'stale');
});

test('what is known to have changed while it is read is as fresh as any other', async () => {
  const { world, cell } = cellOf();
  world.answer = () => {
    cell.expire();
    return Promise.resolve(7);
  };
  await cell.refresh(2_000);
  world.answer = () => new Promise(() => {});
  void cell.refresh(2_000);
  world.now = 40_000;
  assert.equal(cell.tile(2_000).state, 'stale');
});

test('what changes seldom is read seldom, and at once when it is known to have changed', async () => {
  let reads = 0;
  let now = 0;
  const read = () => Promise.resolve((reads += 1));
  const cell = createCell(read, () => now, 10_000);
  await cell.refresh(2_000);
  now = 9_000;
  await cell.refresh(2_000);
  assert.equal(reads, 1);
  cell.expire();
  await cell.refresh(2_000);
  assert.equal(reads, 2);
  now = 20_000;
  await cell.refresh(2_000);
  assert.equal(reads, 3);
});

test('what is dear is read less often, and what fails after longer and longer rests', async () => {
  const { world, cell } = cellOf();
  world.answer = () => {
    world.now += 1_000;
    return Promise.resolve(7);
  };
  await cell.refresh(2_000);
  world.now += 10_000;
  await cell.refresh(2_000);
  assert.equal(world.reads, 1);
  world.now += 10_000;
  await cell.refresh(2_000);
  assert.equal(world.reads, 2);
});

test('what takes so long that it is read seldom is told with its age', async () => {
  const { world, cell } = cellOf();
  world.answer = () => {
    world.now += 20_000;
    return Promise.resolve(7);
  };
  await cell.refresh(2_000);
  world.now += 70_000;
  assert.equal(cell.tile(2_000).state, 'value');
  world.now += 30_000;
  const tile = cell.tile(2_000);
  assert.ok(tile.state === 'stale' && tile.value === 7 && /takes 20 s/.test(tile.reason));
});

test('who comes sees at once what was read before, however long the next reading lasts', async (t) => {
  const cell = createCell(() => Promise.resolve(7));
  const reading = { refresh: (everyMs: number) => cell.refresh(everyMs) };
  const collector = createCollector({
    cells: [reading],
    view: (name, everyMs) => (name === 'overview' ? cell.tile(everyMs) : null),
    ticked: () => Promise.resolve(),
    log: silent,
  });
  await collector.read('overview');
  // No second passes from here on: whoever waits for one waits for ever.
  t.mock.timers.enable({ apis: ['setTimeout', 'setInterval'] });
  reading.refresh = () => new Promise(() => {});
  const told: string[] = [];
  void collector.listen((view) => void told.push(view));
  await new Promise((resolve) => setImmediate(resolve));
  assert.deepEqual(told, [...VIEWS]);
});

test('where nothing was read, no view is made anew', async () => {
  const cell = createCell(() => Promise.resolve(7));
  let made = 0;
  const collector = createCollector({
    cells: [cell],
    view: () => (made += 1),
    ticked: () => Promise.resolve(),
    log: silent,
  });
  await collector.listen(() => {});
  assert.equal(made, VIEWS.length);
  collector.hurry();
  await collector.close();
  assert.equal(made, VIEWS.length);
});

test('two who look share one collector', async () => {
  let reads = 0;
  const cell = createCell(() => Promise.resolve((reads += 1)));
  const collector = createCollector({
    cells: [cell],
    view: (name, everyMs) => (name === 'overview' ? cell.tile(everyMs) : null),
    ticked: () => Promise.resolve(),
    log: silent,
  });
  const told: string[][] = [[], []];
  const leave = await Promise.all(
    told.map((list) => collector.listen((view) => void list.push(view))),
  );
  assert.equal(reads, 1);
  assert.deepEqual(told, [[...VIEWS], [...VIEWS]]);
  for (const each of leave) each();
  assert.equal(collector.listeners(), 0);
  await collector.close();
});
