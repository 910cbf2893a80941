/** A disk without room: what was sent ends, what cannot be written waits until there is some, and nothing is sent twice. */
import assert from 'node:assert/strict';
import { mkdir } from 'node:fs/promises';
import { join } from 'node:path';
import { test, type TestContext } from 'node:test';
import { smallDisk } from '../faults/small-disk.ts';
import { eventually } from '../helpers/eventually.ts';
import { drop, filesBelow, folderPlace, type Receive } from '../helpers/folders.ts';

const NO_MOUNT = 'this machine does not let us mount';
const skip = process.getuid?.() !== 0 && 'only root can mount';

/** A folder on a small disk; null where nothing may be mounted. */
async function onSmallDisk(t: TestContext, receive: Receive, ...lines: string[]) {
  const disk = await smallDisk(t, 2);
  if (disk === null) return null;
  const path = join(disk.folder, 'inbox');
  await mkdir(path);
  const place = await folderPlace(t, receive, ['ready: rename', ...lines], { path });
  return { disk, ...place, setting: await place.setting() };
}

test(
  'while the disk of a folder is full files are sent, and what cannot be written is done when there is room',
  { skip },
  async (t) => {
    const place = await onSmallDisk(t, ({ path: of }, response) =>
      response.writeHead(of.endsWith('bad') ? 422 : 200).end('no such customer'),
    );
    if (place === null) return t.skip(NO_MOUNT);
    const { disk, path, setting } = place;
    for (const name of ['a', 'bad']) await drop(path, name, name.repeat(5_000));
    disk.fill(0);
    await place.startAs(setting);
    const ends = async () =>
      (await place.claims.find({ outcome: { $ne: null } }).toArray())
        .map(({ outcome, settledAt }) => `${outcome?.kind} ${settledAt !== null}`)
        .sort();
    await eventually('both have ended, and one cannot be written down', async () =>
      assert.deepEqual(await ends(), ['done true', 'permanent false']),
    );
    // Needs no room.
    await drop(path, 'empty', '');
    await eventually('a file that comes meanwhile is sent', async () =>
      assert.deepEqual(await ends(), ['done true', 'done true', 'permanent false']),
    );
    disk.free();
    await eventually('all is written down', async () =>
      assert.deepEqual(await ends(), ['done true', 'done true', 'permanent true']),
    );
    const found = (await filesBelow(path)).map((file) =>
      file.replace(/[0-9a-f]{24}/, 'ID').replace(/\d{4}-\d\d-\d\d/, 'DAY'),
    );
    assert.deepEqual(found, [
      ...['done/DAY/a~ID', 'done/DAY/empty~ID'],
      ...['refused/bad~ID', 'refused/bad~ID.reason.json'],
    ]);
    assert.deepEqual(place.receiver.seen.map(({ path: of }) => of).sort(), [
      '/inbox/a',
      '/inbox/bad',
      '/inbox/empty',
    ]);
  },
);

test(
  'a file that cannot be begun because the disk is full is no doubt, and is sent when there is room',
  { skip },
  async (t) => {
    const place = await onSmallDisk(t, (_, response) => response.end(), 'onUnknown: ask');
    if (place === null) return t.skip(NO_MOUNT);
    const { disk, path, setting } = place;
    await drop(path, 'a', 'a');
    disk.fill(0);
    await place.startAs(setting);
    await eventually('it could not be begun', async () =>
      assert.equal(await place.claims.countDocuments({ 'error.class': 'not-readable' }), 1),
    );
    assert.equal(place.receiver.seen.length, 0);
    disk.free();
    await eventually('it has ended', async () => {
      const [claim] = await place.claims.find({ settledAt: { $ne: null } }).toArray();
      assert.equal(claim?.outcome?.kind, 'done');
    });
    assert.equal(place.receiver.seen.length, 1);
  },
);
