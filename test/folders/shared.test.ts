/** Two collectors that look at one folder. */
import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { test } from 'node:test';
import { eventually } from '../helpers/eventually.ts';
import { drop, filesBelow, folderPlace, spawnCollector, testFolder } from '../helpers/folders.ts';
import { atEnd } from '../helpers/servers.ts';

const COUNT = 300;
/** On the wire of a process, and answered within the time in which answers are written down together. */
const IN_HAND = 96;
const names = Array.from({ length: COUNT }, (_, n) => `${n}.txt`);

test('of two collectors of one folder one is killed, and each file is sent, and again only under its key', async (t) => {
  const place = await folderPlace(t, (_, response) => void setTimeout(() => response.end(), 5), [
    'ready: rename',
  ]);
  await place.setting();
  const { config, file, path, receiver, claims } = place;
  for (const name of names) await drop(path, name, name);
  const [first] = [1, 2].map(() => spawnCollector(t, { config, file, failpoint: null }));
  assert.ok(first !== undefined);
  await eventually('they are at work', () => assert.ok(receiver.seen.length > COUNT / 5));
  first.kill('SIGKILL');
  await once(first, 'exit');
  await eventually('all are settled', async () =>
    assert.equal(await claims.countDocuments({ settledAt: { $ne: null } }), COUNT),
  );
  const found = await filesBelow(path);
  assert.equal(found.length, COUNT);
  assert.ok(found.every((each) => each.startsWith('done/')));
  const keys = new Set(
    receiver.seen.map((each) => `${each.path} ${String(each.headers['idempotency-key'])}`),
  );
  assert.equal(keys.size, COUNT);
  assert.ok(receiver.seen.length <= COUNT + IN_HAND, `${receiver.seen.length} requests`);
});

test(
  'two collectors that have a folder under different paths send each file once',
  { skip: process.getuid?.() !== 0 && 'only root can mount' },
  async (t) => {
    const place = await folderPlace(t, (_, response) => response.end(), ['ready: rename']);
    const { config, file, path, receiver, claims } = place;
    const other = await testFolder(t, 'other');
    if (spawnSync('mount', ['--bind', path, other]).status !== 0)
      return t.skip('this machine does not let us mount');
    atEnd(t, () => void spawnSync('umount', ['--lazy', other]));
    await place.setting();
    for (const name of names) await drop(path, name, name);
    const theirs = join(other, '..', 'folders.yaml');
    await writeFile(
      theirs,
      (await readFile(file, 'utf8')).replace(`path: ${path}\n`, `path: ${other}\n`),
    );
    for (const each of [file, theirs]) spawnCollector(t, { config, file: each, failpoint: null });
    await eventually('all are done', async () => {
      assert.equal(
        (await filesBelow(path)).filter((each) => each.startsWith('done/')).length,
        COUNT,
      );
      assert.equal(await claims.countDocuments({ settledAt: null }), 0);
    });
    assert.equal(receiver.seen.length, COUNT);
    assert.equal(await claims.countDocuments({ result: { $regex: /^\{"as":"sent"/ } }), COUNT);
  },
);
