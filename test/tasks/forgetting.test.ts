/** What is kept of tasks that are done, and for how long. */
import assert from 'node:assert/strict';
import { after, test } from 'node:test';
import { openTaskClaims, type TaskClaim } from '../../src/tasks/claims.ts';
import { DEFAULTS } from '../../src/config/schema.ts';
import { testConfig } from '../helpers/configuration.ts';
import { forgetting, storyMs } from '../../src/operations/task-upkeep.ts';
import { testDatabase } from '../helpers/servers.ts';
import { sampleWorker } from '../helpers/workers.ts';

const { own } = await testDatabase({ after });
const claims = openTaskClaims(own);
const MINUTE_MS = 60_000;
const ago = (minutes: number): Date => new Date(Date.now() - minutes * MINUTE_MS);

function claimOf(worker: string, minutes: number, more: Partial<TaskClaim> = {}): TaskClaim {
  const at = ago(minutes);
  const item = `${worker}/${minutes}`;
  return {
    ...{ _id: `${item}~0`, worker, item, generation: 0, conflict: false, token: 't' },
    ...{ workflowId: 'run', index: 0, bodyHash: 'h', key: 'k', message: null, attempts: 1 },
    origin: { broker: 'rabbitmq', queue: 'q', exchange: '', routingKey: 'q' },
    ...{ receivedAt: at, claimedAt: at, startedAt: at, finishedAt: at, error: null, settledAt: at },
    ...{ result: '{"n":1}', outcome: { kind: 'done', reason: null, at } },
    ...more,
  };
}

test('of what is done and old enough the result and times go, and what keeps duplicates out stays', async () => {
  const failed: TaskClaim['outcome'] = { kind: 'permanent', reason: 'no', at: ago(43) };
  const all = [
    claimOf('orders', 40),
    claimOf('orders', 41, { uncounted: true }),
    claimOf('orders', 42, { settledAt: null, outcome: null }),
    claimOf('orders', 43, { outcome: failed }),
    claimOf('orders', 5),
    claimOf('others', 40),
  ];
  await claims.insert(all);
  await claims.forget({
    settledAt: { $gt: ago(60), $lte: ago(20) },
    $expr: { $eq: ['$worker', { $literal: 'orders' }] },
  });
  const found = await claims.find(all.map(({ _id }) => _id));
  const [first, ...rest] = all;
  const told: TaskClaim = { ...(first ?? claimOf('', 0)) };
  delete told.result;
  assert.deepEqual(found.get(told._id), { ...told, startedAt: null, finishedAt: null, key: null });
  for (const each of rest) assert.deepEqual(found.get(each._id), each);
});

test('what came to its time while nobody was here is forgotten, too, and no more than that', async () => {
  const [DAY, HOUR] = [24 * 60, 60];
  const all = [70 * DAY, 30 * DAY, 2 * DAY, 3 * HOUR].map((age) => claimOf('away', age));
  await claims.insert(all);
  const worker = sampleWorker('away', { name: 'away' });
  const pass = forgetting({ config: testConfig({}), worker, claims }, 5 * HOUR * MINUTE_MS);
  for (let day = 0; day <= 90; day += 1) await pass();
  const found = await claims.find(all.map(({ _id }) => _id));
  const kept = all.filter(({ _id }) => found.get(_id)?.startedAt !== null);
  assert.deepEqual(kept, all.slice(-1));
});

test('the story of a done task is kept for OPS_TASK_RETENTION_DAYS, or until nobody waits for it', () => {
  const from = { broker: 'rabbitmq', name: 'q' } as const;
  const worker = { from, keep: { resultMs: 7_200_000, failureMs: 0 } };
  const of = (taskPersist: boolean, resultBackend: 'none' | 'database', broker = from) =>
    storyMs(
      {
        ...DEFAULTS,
        ops: { ...DEFAULTS.ops, taskPersist },
        tasks: { ...DEFAULTS.tasks, resultBackend },
      },
      { ...worker, from: broker },
    );
  assert.equal(of(true, 'none'), 30 * 86_400_000);
  assert.equal(of(false, 'database'), 7_200_000);
  worker.keep.resultMs = 60 * 86_400_000;
  assert.equal(of(false, 'database'), 30 * 86_400_000, 'no longer than where stories are kept');
  assert.ok((of(false, 'none') ?? Infinity) < 3_600_000);
  assert.equal(storyMs(DEFAULTS, { ...worker, from: { broker: 'folder', name: 'f' } }), null);
});
