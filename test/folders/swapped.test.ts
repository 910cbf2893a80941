/** A folder that is away for a while, with another one in its place: as where a share is mounted anew, or a backup put back. */
import assert from 'node:assert/strict';
import { once } from 'node:events';
import { mkdir, rename } from 'node:fs/promises';
import type { ServerResponse } from 'node:http';
import { join } from 'node:path';
import { test } from 'node:test';
import type { Failpoint } from '../../src/runtime/failpoint.ts';
import { eventually } from '../helpers/eventually.ts';
import { drop, filesBelow, folderPlace, spawnCollector } from '../helpers/folders.ts';

const RENAMED = ['ready: rename'];
const shape = async (path: string): Promise<string[]> =>
  (await filesBelow(path)).map((file) =>
    file.replace(/[0-9a-f]{24}/, 'ID').replace(/\d{4}-\d\d-\d\d/, 'DAY'),
  );

/** An empty folder stands in the place of this one, until it is brought back. */
async function swapped(path: string, below = ''): Promise<() => Promise<void>> {
  await rename(path, `${path}-away`);
  await mkdir(join(path, below), { recursive: true });
  return async () => {
    await rename(path, `${path}-other`);
    await rename(`${path}-away`, path);
  };
}

for (const { at, status, sent, ends } of [
  { at: 'file-answered', status: 200, sent: 2, ends: ['done/DAY/a.txt~ID'] },
  { at: 'handle-recorded', status: 200, sent: 1, ends: ['done/DAY/a.txt~ID'] },
  {
    ...{ at: 'bury-concluded', status: 422, sent: 1 },
    ends: ['refused/a.txt~ID', 'refused/a.txt~ID.reason.json'],
  },
] satisfies { at: Failpoint; status: number; sent: number; ends: string[] }[])
  test(`a file whose collector was killed (${at}), and went on where another folder stood, ends where it should when its own is back`, async (t) => {
    const place = await folderPlace(t, (_, response) => response.writeHead(status).end(), RENAMED);
    const { config, file, path, receiver } = place;
    await place.setting();
    await drop(path, 'a.txt', 'a');
    await once(spawnCollector(t, { config, file, failpoint: at }), 'exit');
    assert.match((await shape(path)).join(), /sending\/ID~a\.txt$/);
    const bringBack = await swapped(path);
    spawnCollector(t, { config, file, failpoint: null });
    await eventually('its task has ended there', async () => {
      const [claim] = await place.claimsOf('a.txt');
      assert.ok(claim !== undefined && claim.settledAt !== null);
    });
    await bringBack();
    await eventually('it lies where it ends', async () =>
      assert.deepEqual(await shape(path), ends),
    );
    assert.equal(receiver.seen.length, sent);
    const keys = receiver.seen.map(({ headers }) => headers['idempotency-key']);
    assert.equal(new Set(keys).size, 1);
  });

test('a folder that is swapped away and back between two looks keeps its file until it is moved', async (t) => {
  const open: ServerResponse[] = [];
  const place = await folderPlace(t, (_, response) => void open.push(response), RENAMED);
  const { path, receiver, client } = place;
  const setting = await place.setting();
  await drop(path, 'a.txt', 'a');
  await place.startAs({
    ...setting,
    folders: setting.folders.map((folder) => ({ ...folder, every: 3_600_000 })),
  });
  await eventually('it is being sent', () => assert.equal(open.length, 1));
  const bringBack = await swapped(path, '.despachante/sending');
  for (const response of open) response.end();
  await eventually('its move was tried', async () => {
    const [claim] = await place.claimsOf('a.txt');
    assert.ok(claim !== undefined);
    const { raw } = await client.workflow.getHandle(claim.workflowId).describe();
    const isTried = raw.pendingActivities?.some(({ attempt }) => (attempt ?? 0) > 1) === true;
    assert.ok(claim.settledAt !== null || isTried);
  });
  await bringBack();
  await eventually('it is done', async () =>
    assert.deepEqual(await shape(path), ['done/DAY/a.txt~ID']),
  );
  await eventually('it is settled', async () =>
    assert.ok((await place.claimsOf('a.txt'))[0]?.settledAt !== null),
  );
  assert.equal(receiver.seen.length, 1);
});
