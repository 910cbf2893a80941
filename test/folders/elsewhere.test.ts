/** A folder whose name another machine has, too. */
import assert from 'node:assert/strict';
import { randomUUID } from 'node:crypto';
import { readdir, rm } from 'node:fs/promises';
import { hostname } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import type { ProcessDocument } from '../../src/coordination/processes.ts';
import { OWN } from '../../src/mongo/collections.ts';
import { eventually } from '../helpers/eventually.ts';
import { drop, folderPlace } from '../helpers/folders.ts';

test('a file that was collected on another machine is a failure where it is not, and never done', async (t) => {
  const place = await folderPlace(t, (_, response) => response.writeHead(422).end(), [
    'ready: rename',
  ]);
  await drop(place.path, 'a.txt', 'a');
  await place.start();
  const failed = await eventually('it has failed', async () => {
    const claim = await place.claims.findOne({ settledAt: { $ne: null } });
    assert.equal(claim?.outcome?.class, 'http-422');
    return claim;
  });
  // As on a machine that has a folder of this name, and never had this file.
  const refused = join(place.path, 'refused');
  for (const file of await readdir(refused)) await rm(join(refused, file));
  await place.claims.updateOne({ _id: failed._id }, { $set: { 'origin.host': 'elsewhere' } });
  await place.redrive(failed.item.slice('inbox/'.length));
  await eventually('it has failed again', async () => {
    const claim = await place.claims.findOne({ generation: 1, settledAt: { $ne: null } });
    assert.deepEqual(
      [claim?.outcome?.class, claim?.outcome?.reason],
      ['elsewhere', `it was collected on elsewhere, and is not on ${hostname()}`],
    );
  });
});

test('a folder that another machine collects is not collected here, until that one has stopped', async (t) => {
  const place = await folderPlace(t, (_, response) => response.end(), ['ready: rename']);
  const processes = place.own.collection<ProcessDocument>(OWN.processes);
  const other: ProcessDocument = {
    _id: `process/${randomUUID()}`,
    ...{ role: 'tasks', host: 'elsewhere', machine: null, pid: 1, version: '0.1.0' },
    ...{ since: new Date(), beatAt: new Date(), everyMs: 3_600_000, stoppedAt: null },
    ...{ vitals: null, suffers: null },
    sources: [
      {
        ...{ name: 'inbox', deliveries: 0, closedBy: null },
        worker: {
          ...{ from: { broker: 'folder', name: 'inbox' }, ofFile: false, calls: 0 },
          concurrency: 1,
        },
      },
    ],
  };
  await processes.insertOne(other);
  const refused = await place.start();
  await assert.rejects(refused.ended, /"inbox" is collected on elsewhere.*another name/);
  await processes.updateOne({ _id: other._id }, { $set: { stoppedAt: new Date() } });
  await place.start();
  await drop(place.path, 'a.txt', 'a');
  await eventually('it is sent', () => assert.equal(place.receiver.seen.length, 1));
});
