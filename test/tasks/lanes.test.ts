// A lane on a real server: the one that skips time loses an update that meets the end of a run.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { Client, Connection } from '@temporalio/client';
import { DefaultLogger, NativeConnection, Runtime } from '@temporalio/worker';
import { again, done, withLane, type Handle } from '../helpers/lanes.ts';
import { address, uniqueName } from '../helpers/servers.ts';
import { startRun } from '../../src/temporal/client.ts';

Runtime.install({ logger: new DefaultLogger('ERROR') });

test('a lane that goes on as new runs is handed more all the while, and keeps the order of each key', async (t) => {
  const server = { address: address('TEMPORAL_ADDRESS') };
  const nativeConnection = await NativeConnection.connect(server);
  const connection = await Connection.connect(server);
  t.after(async () => {
    await connection.close();
    await nativeConnection.close();
  });
  const handle: Handle = (id, attempt) => (id === 'a1' && attempt < 3 ? again() : done);
  const place = { nativeConnection, client: new Client({ connection }), now: Date.now };
  await withLane(place, handle, async ({ story, handOver, insist, run }) => {
    const few = { maxHistoryEvents: 30 };
    await handOver(['a1', 'a2'], few);
    const { runId } = await run.describe();
    for (let n = 1; n <= 20; n += 1) await insist([`b${n}`, `a${n + 2}`], few);
    await run.result();
    const latest = await run.describe();
    assert.notEqual(latest.runId, runId);
    assert.ok(latest.historyLength < 100, String(latest.historyLength));
    const of = (key: string) =>
      story.filter((id) => id.startsWith(key)).map((id) => Number(id.slice(1)));
    const upTo = (count: number) => Array.from({ length: count }, (_, n) => n + 1);
    assert.deepEqual(of('b'), upTo(20));
    assert.deepEqual(of('a'), [1, 1, ...upTo(22)]);
  });
});

test('what is handed to a lane that answers nobody is asked again, and never taken for too large', async (t) => {
  const connection = await Connection.connect({ address: address('TEMPORAL_ADDRESS') });
  const client = new Client({ connection });
  const taskQueue = uniqueName();
  const workflowId = `tasks/${taskQueue}/lane-0`;
  const run = { type: 'tasks', workflowId, taskQueue, labels: [], isLane: true };
  const handOver = (n: number) =>
    startRun(client, { ...run, input: { n }, nouns: ['task', 'tasks'] });
  t.after(async () => {
    await client.workflow.getHandle(workflowId).terminate();
    await connection.close();
  });
  // Nobody works on this queue.
  assert.equal(await handOver(0), 'started');
  const others = Array.from({ length: 14 }, (_, n) => handOver(n + 1).catch(() => 'unanswered'));
  const found = new Set(await Promise.all(others));
  // Temporal keeps ten, and refuses the others; its client asks again until its time is over.
  assert.deepEqual([...found.difference(new Set(['full', 'unanswered']))], []);
});
