/** Whoever of ours is the first to come to an empty database marks it as ours before it writes: then all others start there. */
import { test } from 'node:test';
import { join } from 'node:path';
import assert from 'node:assert/strict';
import { OWN } from '../../src/mongo/collections.ts';
import type { OwnershipDocument } from '../../src/mongo/ownership.ts';
import { flowOf } from '../helpers/flow.ts';
import { atEnd, uniqueName } from '../helpers/servers.ts';
import { startSystem } from '../helpers/system.ts';
import type { System } from '../helpers/system.ts';

const command =
  (...args: string[]) =>
  async (system: System): Promise<void> => {
    const { code, stderr } = await flowOf(system).cli(...args);
    assert.equal(code, 0, stderr);
  };

const firsts: Record<string, (system: System) => Promise<unknown>> = {
  intake: (system) => system.start('intake'),
  'publish --ledger': (system) =>
    command('publish', '--count', '1', '--ledger', join(system.folder, 'ledger.jsonl'))(system),
  audit: command('audit'),
  pause: command('pause', '--reason', 'it moves to another disk'),
  'limits set': command('limits', 'set', 'maxConcurrent=2'),
};

for (const [first, come] of Object.entries(firsts)) {
  test(`after ${first} was the first in an empty database, a worker starts there`, async (t) => {
    const database = uniqueName();
    const system = await startSystem(t, {
      roles: [],
      env: { DESPACHANTE_MONGODB_DATABASE: database },
    });
    const db = system.store.db.client.db(database);
    atEnd(t, async () => void (await db.dropDatabase()));
    await come(system);
    await system.start('worker');
    const marker = await db
      .collection<OwnershipDocument>(OWN.control)
      .findOne({ _id: 'ownership' });
    assert.deepEqual(marker?.collections.sort(), Object.values(OWN).sort());
  });
}

test("an intake that MongoDB keeps waiting ends once it learns that a collection of our name is somebody else's", async (t) => {
  const database = uniqueName();
  const system = await startSystem(t, {
    roles: [],
    env: { DESPACHANTE_MONGODB_DATABASE: database },
    proxied: ['MONGODB_URI'],
  });
  const db = system.store.db.client.db(database);
  atEnd(t, async () => void (await db.dropDatabase()));
  await db.collection(OWN.claims).insertOne({ policy: 1 });
  system.proxy('MONGODB_URI').close();
  const { exited } = await system.start('intake');
  system.proxy('MONGODB_URI').open();
  assert.equal(await exited, 1);
  assert.match(system.log('intake'), /not marked as ours: .*claims\. Nothing in them was touched/);
});
