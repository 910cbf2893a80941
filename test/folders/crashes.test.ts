/** The crash table of a file: the collector is killed at each place, and another one goes on. */
import assert from 'node:assert/strict';
import { once } from 'node:events';
import { mkdir, rename, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { test } from 'node:test';
import type { Failpoint } from '../../src/runtime/failpoint.ts';
import { auditWorker } from '../../src/operations/task-audit.ts';
import { onThisHost } from '../../src/tasks/on-host.ts';
import { eventually } from '../helpers/eventually.ts';
import { drop, filesBelow, folderPlace, spawnCollector } from '../helpers/folders.ts';

const TABLE: { at: Failpoint; when: string; sent: number }[] = [
  { at: 'claim-written', when: 'after the claim', sent: 1 },
  { at: 'file-parked', when: 'after the rename', sent: 1 },
  { at: 'file-answered', when: 'before the answer is written down', sent: 2 },
  { at: 'handle-recorded', when: 'after the outcome is written down', sent: 1 },
  { at: 'file-moved', when: 'after the move', sent: 1 },
];

for (const { at, when, sent } of TABLE) {
  test(`killed ${when} (${at}), a file is sent ${sent === 1 ? 'once' : 'again under its key'} and ends in done`, async (t) => {
    const place = await folderPlace(t, (_, response) => response.end(), ['ready: rename']);
    await place.setting();
    await drop(place.path, 'a.txt', 'a');
    const { config, file } = place;
    const doomed = spawnCollector(t, { config, file, failpoint: at });
    await once(doomed, 'exit');
    assert.equal(doomed.signalCode, 'SIGKILL');
    spawnCollector(t, { config, file, failpoint: null });
    await eventually('it is settled in done', async () => {
      const [claim, ...others] = await place.claims.find().toArray();
      assert.equal(claim?.outcome?.kind, 'done');
      assert.ok(claim.settledAt !== null);
      assert.deepEqual(others, []);
    });
    const found = await filesBelow(place.path);
    assert.match(found.join(), /^done\/[-\d]+\/a\.txt~[0-9a-f]{24}$/);
    assert.equal(place.receiver.seen.length, sent);
    assert.equal(
      new Set(place.receiver.seen.map(({ headers }) => headers['idempotency-key'])).size,
      1,
    );
  });
}

test('a file that was gone when it was to be sent, and lies there again as it was, is sent', async (t) => {
  const place = await folderPlace(t, (_, response) => response.end(), ['ready: rename']);
  await place.setting();
  await drop(place.path, 'a.txt', 'a');
  const { config, file, path } = place;
  await once(spawnCollector(t, { config, file, failpoint: 'claim-written' }), 'exit');
  // As where a share is not mounted: an empty folder stands in its place.
  await rename(path, `${path}-away`);
  await mkdir(path);
  spawnCollector(t, { config, file, failpoint: null });
  const results = async () =>
    (await place.claimsOf('a.txt')).map(({ _id, result }) => [_id.slice(-2), result?.slice(0, 12)]);
  await eventually('it is gone', async () =>
    assert.deepEqual(await results(), [['~0', '{"as":"gone"']]),
  );
  await rename(path, `${path}-other`);
  await rename(`${path}-away`, path);
  await eventually('it is sent', async () =>
    assert.deepEqual(await results(), [
      ['~0', '{"as":"gone"'],
      ['~1', '{"as":"sent"'],
    ]),
  );
  assert.equal(place.receiver.seen.length, 1);
  const { client, own } = place;
  await eventually('it counts once', async () => {
    const audit = await auditWorker({
      ...{ config: onThisHost(config), own, client, worker: 'inbox', ledger: null },
      waiting: () => Promise.resolve(null),
    });
    assert.deepEqual([audit.done, audit.doneTwice, audit.holds], [1, [], true]);
  });
});

test('what lies in sending and has no claim goes back under its name', async (t) => {
  const place = await folderPlace(t, (_, response) => response.end(), ['ready: rename']);
  const sending = join(place.path, '.despachante/sending');
  await mkdir(sending, { recursive: true });
  await writeFile(join(sending, `${'0'.repeat(24)}~a.txt`), 'a');
  await place.start();
  await eventually('it is sent', () => {
    assert.deepEqual(
      place.receiver.seen.map(({ path }) => path),
      ['/inbox/a.txt'],
    );
  });
});
