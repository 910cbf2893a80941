/** A failure that was given to a run which Temporal has lost. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { openDatabase } from '../../src/mongo/own-database.ts';
import { auditWorker } from '../../src/operations/task-audit.ts';
import { taskSweepNeeds } from '../../src/operations/task-upkeep.ts';
import { silent } from '../../src/runtime/log.ts';
import { openTaskClaims } from '../../src/tasks/claims.ts';
import { sweepTasks } from '../../src/tasks/sweep.ts';
import { atEnd } from '../helpers/servers.ts';
import { testWorkers } from '../helpers/workers.ts';

test('a failure that was redriven, and that no run has claimed, is stranded, and waits again after a sweep', async (t) => {
  const flow = await testWorkers(t, () => ({
    ...{ kind: 'failed', failure: 'permanent', reason: 'no', class: 'NoUser' },
  }));
  const mongo = await openDatabase(flow.config, 'writer');
  atEnd(t, () => mongo.close());
  const { client, worker } = flow;
  const claims = openTaskClaims(mongo.own);
  for (const id of ['m-1', 'm-2']) {
    await flow.publish({ id }, { messageId: id });
    await flow.settled(id);
  }
  // As a redrive has left them: one before its run has claimed it, and one after that.
  await claims.leave(['Sample/m-1~0', 'Sample/m-2~0'], 'redriven');
  const [next] = (await claims.find(['Sample/m-2~0'])).values();
  assert.ok(next !== undefined);
  await claims.insert([
    { ...next, _id: 'Sample/m-2~1', generation: 1, gone: { as: 'dropped', at: new Date() } },
  ]);
  const swept = (config: typeof flow.config) =>
    sweepTasks(taskSweepNeeds({ config, worker, client, claims, log: silent }));
  assert.equal((await swept(flow.config)).takenBack, 0, 'it may be claimed yet');
  const config = { ...flow.config, sweeper: { ...flow.config.sweeper, olderThan: 0 } };
  const audited = () =>
    auditWorker({
      ...{ config, own: mongo.own, client, worker: worker.name, ledger: null },
      waiting: () => Promise.resolve(0),
    });
  const { stranded, holds } = await audited();
  assert.deepEqual([stranded, holds], [['m-1'], false]);
  assert.equal((await swept(config)).takenBack, 1);
  const found = await claims.find(['Sample/m-1~0', 'Sample/m-2~0']);
  assert.deepEqual([...found.values()].map(({ _id, gone }) => [_id, gone?.as]).sort(), [
    ['Sample/m-1~0', undefined],
    ['Sample/m-2~0', 'redriven'],
  ]);
  assert.equal((await audited()).holds, true);
});
