/** Where an answer is lost and a person is to decide: nothing is sent again by itself. */
import assert from 'node:assert/strict';
import { once } from 'node:events';
import { rm } from 'node:fs/promises';
import { join } from 'node:path';
import { test } from 'node:test';
import { eventually } from '../helpers/eventually.ts';
import { drop, filesBelow, folderPlace, spawnCollector } from '../helpers/folders.ts';

const ASK = ['ready: rename', 'onUnknown: ask'];
const withoutId = (file: string): string => file.replace(/[0-9a-f]{24}/, 'ID');

test('a file whose answer is lost is in doubt, and sent again under its key only when somebody says so', async (t) => {
  let isLost = true;
  const place = await folderPlace(
    t,
    (_, response, attempt) => {
      // What was answered with 503 is not there: that is no doubt.
      if (attempt === 1 && isLost)
        return void response.writeHead(503, { 'retry-after': '1' }).end();
      if (isLost) return void response.destroy();
      response.end();
    },
    ASK,
  );
  const { claims, path, receiver } = place;
  await drop(path, 'a.txt', 'a');
  await place.start();
  const claim = await eventually('it is in doubt', async () => {
    const [found] = await claims.find({ settledAt: { $ne: null } }).toArray();
    assert.equal(found?.outcome?.kind, 'in-doubt');
    return found;
  });
  const files = await filesBelow(path);
  assert.deepEqual(files.map(withoutId), ['gaveup/a.txt~ID', 'gaveup/a.txt~ID.reason.json']);
  assert.match(
    await place.read(files[1] ?? ''),
    /"received": "despachante failures drop --from inbox/,
  );
  assert.equal(receiver.seen.length, 2);
  isLost = false;
  await place.redrive(claim.item.slice('inbox/'.length));
  await eventually('it is sent', async () =>
    assert.match((await filesBelow(path)).join(), /^done\/[-\d]+\/a\.txt~[0-9a-f]{24}$/),
  );
  assert.equal(receiver.seen.length, 3);
  assert.equal(new Set(receiver.seen.map(({ headers }) => headers['idempotency-key'])).size, 1);
});

test('a file that was being sent when its collector was killed is in doubt, and not sent again', async (t) => {
  const place = await folderPlace(t, (_, response) => response.end(), ASK);
  await place.setting();
  await drop(place.path, 'a.txt', 'a');
  const { config, file, claims } = place;
  await once(spawnCollector(t, { config, file, failpoint: 'file-answered' }), 'exit');
  spawnCollector(t, { config, file, failpoint: null });
  await eventually('it is in doubt', async () =>
    assert.equal(
      await claims.countDocuments({ 'outcome.kind': 'in-doubt', settledAt: { $ne: null } }),
      1,
    ),
  );
  assert.equal(place.receiver.seen.length, 1);
  const found = (await filesBelow(place.path)).map(withoutId);
  assert.deepEqual(found, ['gaveup/a.txt~ID', 'gaveup/a.txt~ID.reason.json']);
});

test('a file whose answer does not say whether it was taken is in doubt, and not sent again', async (t) => {
  const place = await folderPlace(
    t,
    ({ path }, response) => response.writeHead(Number(path.slice(-3))).end(),
    ASK,
  );
  const names = ['408', '500', '502', '504'];
  for (const name of names) await drop(place.path, name, name);
  await place.start();
  await eventually('all are in doubt', async () =>
    assert.equal(
      await place.claims.countDocuments({ 'outcome.kind': 'in-doubt', settledAt: { $ne: null } }),
      names.length,
    ),
  );
  assert.deepEqual(place.receiver.seen.map(({ path }) => path.slice(-3)).sort(), names);
});

test('a file that was on the wire when its run was cancelled is in doubt when it is redriven, and not sent again', async (t) => {
  const place = await folderPlace(
    t,
    (_, response, attempt) => void (attempt > 1 && response.end()),
    ASK,
  );
  const { claims, client, path, receiver } = place;
  await drop(path, 'a.txt', 'a');
  await place.start();
  await eventually('it is on the wire', () => assert.equal(receiver.seen.length, 1));
  const [claim] = await claims.find().toArray();
  assert.ok(claim !== undefined);
  await client.workflow.getHandle(claim.workflowId).cancel();
  const endsAs = (kinds: string[]) =>
    eventually(`it has ended as ${kinds.join()}`, async () => {
      const all = await claims.find().sort({ generation: 1 }).toArray();
      assert.deepEqual(
        all.map(({ outcome, settledAt }) => settledAt !== null && outcome?.kind),
        kinds,
      );
    });
  await endsAs(['cancelled']);
  const why = (await filesBelow(path)).find((file) => file.endsWith('.reason.json'));
  assert.match(await place.read(why ?? ''), /"received": "despachante failures drop --from inbox/);
  await place.redrive(claim.item.slice('inbox/'.length));
  await endsAs(['cancelled', 'in-doubt']);
  assert.equal(receiver.seen.length, 1);
});

test('nothing is kept of the attempt of a file that somebody has taken away', async (t) => {
  const place = await folderPlace(t, (_, response) => response.end(), ASK);
  await place.setting();
  await drop(place.path, 'a.txt', 'a');
  const { config, file, claims, path } = place;
  await once(spawnCollector(t, { config, file, failpoint: 'file-sending' }), 'exit');
  const left = await filesBelow(path);
  assert.deepEqual(
    left.map((each) => each.split('/')[1]),
    ['answers', 'sending'],
  );
  await rm(join(path, left[1] ?? ''));
  spawnCollector(t, { config, file, failpoint: null });
  await eventually('it is gone', async () =>
    assert.equal(await claims.countDocuments({ result: /"gone"/, settledAt: { $ne: null } }), 1),
  );
  assert.deepEqual(await filesBelow(path), []);
});
