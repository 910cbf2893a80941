/** With OPS_ENABLED=false the work is done, and no intake or task worker leaves a word of itself. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { DEFAULTS } from '../../src/config/schema.ts';
import { openActions } from '../../src/coordination/actions.ts';
import { openControl } from '../../src/coordination/control.ts';
import { listProcesses } from '../../src/coordination/processes.ts';
import { openDatabase } from '../../src/mongo/own-database.ts';
import { serverTime } from '../../src/mongo/server-time.ts';
import { beginRedrive } from '../../src/operations/redrive.ts';
import { readWorkers } from '../../src/operations/worker-counts.ts';
import { flowOf } from '../helpers/flow.ts';
import { atEnd, uniqueName } from '../helpers/servers.ts';
import { startSystem } from '../helpers/system.ts';
import { testWorkers } from '../helpers/workers.ts';

test('an intake writes none, and a worker of registrations does, since by it the limits are shared', async (t) => {
  const system = await startSystem(t, { env: { OPS_ENABLED: 'false' } });
  const prefix = uniqueName();
  const flow = flowOf(system);
  await flow.publishMany(prefix, 2);
  await flow.allRegistered(prefix, 2);
  await system.stop('intake');
  const roles = (await listProcesses(system.store.own)).map(({ role }) => role);
  assert.deepEqual(roles, ['worker']);
});

test('task workers write none, are unknown instead of absent, and redrive all the same', async (t) => {
  let isMended = false;
  const place = await testWorkers(
    t,
    () =>
      isMended
        ? { kind: 'done', result: 1, outgoing: [] }
        : { kind: 'failed', failure: 'permanent', reason: 'no user', class: 'NoUser' },
    {},
    { ops: { ...DEFAULTS.ops, enabled: false } },
  );
  const { config, worker, client } = place;
  const mongo = await openDatabase(config, 'writer');
  atEnd(t, () => mongo.close());
  const { own } = mongo;
  const [actions, control] = [openActions(own), openControl(own)];
  await place.publish({}, { messageId: 'a' });
  assert.equal((await place.settled('a')).outcome?.kind, 'permanent');
  const now = await serverTime(mongo.db);
  const [counts] = await readWorkers(config, own, await control.read(), [], now);
  assert.deepEqual([counts?.worker, counts?.processes, counts?.running], ['Sample', null, null]);

  isMended = true;
  const needs = { config, client, store: { actions, control }, worker: worker.name };
  const order = {
    ...{ ids: ['a'], class: null, group: null, reason: null, olderThan: null, newerThan: null },
    ...{ limit: null, maxRedrives: 3, foreign: false, perSecond: null, canary: null },
  };
  const said = { by: 'ana', reason: null, on: 'a' };
  const begun = await beginRedrive(needs, { order, said, carried: null });
  assert.ok(begun.kind === 'begun', begun.kind);
  await begun.report;
  assert.equal((await place.settled('a', 1)).outcome?.kind, 'done');
  await place.running.stop();
  assert.deepEqual(await listProcesses(own), []);
});
