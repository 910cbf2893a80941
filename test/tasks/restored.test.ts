/** Tasks that are open while MongoDB is restored to a time before they were claimed. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { bodyHashOf } from '../../src/broker/body-hash.ts';
import type { NewTask } from '../../src/domain/tasks.ts';
import { openDatabase } from '../../src/mongo/own-database.ts';
import { taskSweepNeeds } from '../../src/operations/task-upkeep.ts';
import { silent } from '../../src/runtime/log.ts';
import { openTaskClaims } from '../../src/tasks/claims.ts';
import { taskRulesOf } from '../../src/tasks/rules.ts';
import { taskRun } from '../../src/tasks/run.ts';
import { sweepTasks } from '../../src/tasks/sweep.ts';
import type { Ended } from '../../src/workers/call.ts';
import { eventually } from '../helpers/eventually.ts';
import { atEnd, uniqueName } from '../helpers/servers.ts';
import { callerOf, testWorkers } from '../helpers/workers.ts';

test('tasks whose claims are gone are begun anew with their messages, also those of a run that went on as a new one', async (t) => {
  const again: Ended = { kind: 'again', reason: 'no', class: 'Error', retryAfter: null };
  const retry = { max: 9, kind: 'fixed', initial: 3_000 } as const;
  const flow = await testWorkers(t, () => again, { retry });
  const { worker, config, client } = flow;
  const mongo = await openDatabase(config, 'writer');
  atEnd(t, () => mongo.close());
  const claims = openTaskClaims(mongo.own);
  await flow.publish({ n: 1 }, { messageId: 'm-1' });
  const body = Buffer.from('{"n":2}');
  const task: NewTask = {
    ...{ id: 'm-2', label: 'm-2', key: null, bodyHash: bodyHashOf(body), failedGeneration: null },
    message: { body: body.toString('base64'), properties: '' },
    receivedAt: Date.now(),
    origin: { broker: 'rabbitmq', queue: worker.from.name, exchange: '', routingKey: '' },
  };
  const { input, workflowId, taskQueue } = taskRun(config, worker, `tasks/${uniqueName()}`, [task]);
  const rules = { ...taskRulesOf(worker), localFirst: false, maxHistoryEvents: 10 };
  const args = [{ ...input, rules }];
  const run = await client.workflow.start('tasks', { workflowId, taskQueue, args });
  await eventually('both have failed, and one goes on where its message is not', async () => {
    assert.equal(await claims.collection.countDocuments({ attempts: { $gt: 0 } }), 2);
    assert.notEqual((await run.describe()).runId, run.firstExecutionRunId);
  });
  await flow.running.stop();
  await claims.collection.deleteMany({});
  const handled = new Set<string>();
  await flow.start(
    callerOf(({ id, body: bytes }) => {
      handled.add(`${id} ${Buffer.from(bytes, 'base64').toString()}`);
      return { kind: 'done', result: null, outgoing: [] };
    }),
  );
  const needs = taskSweepNeeds({ config, worker, client, claims, log: silent });
  await eventually('a sweep has found both', async () => {
    await sweepTasks(needs);
    assert.deepEqual([...handled].sort(), ['m-1 {"n":1}', 'm-2 {"n":2}']);
  });
  for (const id of ['m-1', 'm-2']) assert.equal((await flow.settled(id)).outcome?.kind, 'done');
});
