import assert from 'node:assert/strict';
import { fork } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test, type TestContext } from 'node:test';
import { lock, Locked } from '../../src/etl/lock.ts';
import { createTurns } from '../../src/etl/turns.ts';
import { ARRAY, LINES, openWholeFile } from '../../src/etl/whole-file.ts';

function place(t: TestContext): (name: string) => string {
  const folder = mkdtempSync(join(tmpdir(), 'despachante-etl-'));
  t.after(() => rmSync(folder, { recursive: true }));
  return (name) => join(folder, name);
}

test('an array is whole each time it is shown, also with nothing in it', async (t) => {
  const at = place(t);
  const file = await openWholeFile(at('output.json'), at('work'), ARRAY);
  for (let n = 0; n < 4; n += 1) {
    await file.show();
    const shown: unknown = JSON.parse(readFileSync(at('output.json'), 'utf8'));
    assert.deepEqual(
      shown,
      Array.from({ length: n }, (_, m) => ({ m })),
    );
    file.add(JSON.stringify({ m: n }));
  }
  await file.close();
});

test('lines are whole lines, and none where nothing is', async (t) => {
  const at = place(t);
  const file = await openWholeFile(at('errors.ndjson'), at('work'), LINES);
  await file.show();
  assert.equal(readFileSync(at('errors.ndjson'), 'utf8'), '');
  file.add('{"a":1}');
  file.add('{"b":2}');
  await file.show();
  assert.equal(readFileSync(at('errors.ndjson'), 'utf8'), '{"a":1}\n{"b":2}\n');
  await file.close();
});

test('a lock keeps a second process out while the first one lives, and not any longer', async (t) => {
  const at = place(t);
  const path = at('lock');
  const first = await lock(path);
  await assert.rejects(lock(path), Locked);
  await first.release();
  const script = at('holder.mjs');
  const url = new URL('../../src/etl/lock.js', import.meta.url).href;
  writeFileSync(
    script,
    `const { lock } = await import(${JSON.stringify(url)}); await lock(process.argv[2]); process.send('held'); setInterval(() => {}, 1000);`,
  );
  const holder = fork(script, [path]);
  await once(holder, 'message');
  await assert.rejects(lock(path), /process \d+ is at work on it/);
  holder.kill('SIGKILL');
  await once(holder, 'exit');
  await (await lock(path)).release();
});

test('a lock that was cut off by a crash holds nobody up', async (t) => {
  const at = place(t);
  writeFileSync(at('lock'), '{"pid": 1');
  await (await lock(at('lock'))).release();
});

test('what was tried least goes first, so many at once', async () => {
  const turns = createTurns(1);
  const order: string[] = [];
  const gate = Promise.withResolvers<void>();
  const take = (name: string, attempt: number) =>
    turns.take(attempt, async () => {
      order.push(name);
      await gate.promise;
    });
  const all = [take('a', 1), take('retry of x', 2), take('b', 1), take('c', 1)];
  gate.resolve();
  await Promise.all(all);
  assert.deepEqual(order, ['a', 'b', 'c', 'retry of x']);
});

test('whoever waits when turns are closed gets none, and who runs is waited for', async () => {
  const turns = createTurns(1);
  const gate = Promise.withResolvers<string>();
  const runs = turns.take(1, () => gate.promise);
  const waits = turns.take(1, () => Promise.resolve('late'));
  const closed = turns.close();
  assert.equal(await waits, null);
  gate.resolve('done');
  await closed;
  assert.equal(await runs, 'done');
  assert.equal(await turns.take(1, () => Promise.resolve('later')), null);
});
