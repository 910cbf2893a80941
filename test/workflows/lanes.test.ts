// Lanes: runs of tasks in the order of their keys, which take more while they are open.
import assert from 'node:assert/strict';
import { once } from 'node:events';
import { after, before, test } from 'node:test';
import type { TestWorkflowEnvironment } from '@temporalio/testing';
import { eventually } from '../helpers/eventually.ts';
import { again, done, withLane, type Answer, type Handle } from '../helpers/lanes.ts';
import { createTimeSkipping } from '../helpers/workflow-env.ts';

let env: TestWorkflowEnvironment;
before(async () => {
  env = await createTimeSkipping();
});
after(async () => {
  await env.teardown();
});

const place = () => ({
  nativeConnection: env.nativeConnection,
  client: env.client,
  namespace: env.namespace,
  now: () => env.currentTimeMs(),
});

test('a task that is tried again holds back its key alone', async () => {
  const handle: Handle = (id, attempt) => (id === 'a1' && attempt < 3 ? again() : done);
  await withLane(place(), handle, async ({ story, restsOf, handOver, run }) => {
    assert.equal(await handOver(['a1', 'a2', 'b1', 'b2']), 'started');
    assert.deepEqual(await run.result(), { done: 4 });
    assert.deepEqual(story, ['a1', 'b1', 'b2', 'a1', 'a1', 'a2']);
    assert.deepEqual(restsOf('a1'), [1, 2]);
  });
});

test('after its last attempt a task is a dead letter, and its key goes on', async () => {
  const handle: Handle = (id) => (id === 'a1' ? again() : done);
  await withLane(place(), handle, async ({ story, handOver, run }) => {
    await handOver(['a1', 'a2']);
    assert.deepEqual(await run.result(), { exhausted: 1, done: 1 });
    assert.deepEqual(story.slice(0, 4), ['a1', 'a1', 'a1', 'a1']);
    assert.deepEqual(story.slice(4).sort(), ['a2', '✝a1']);
  });
});

test('a lane that is open takes more, behind the others of its key; when nothing is left it ends, and the next begins it anew', async () => {
  const free = Promise.withResolvers<Answer>();
  const handle: Handle = (id) => (id === 'a1' ? free.promise : done);
  await withLane(place(), handle, async ({ story, handOver, insist, run }) => {
    await handOver(['a1']);
    const { runId } = await run.describe();
    await insist(['a2', 'b1']);
    await eventually('another key is handled', () => assert.deepEqual(story, ['a1', 'b1']));
    free.resolve(done);
    assert.deepEqual(await run.result(), { done: 3 });
    assert.deepEqual(story, ['a1', 'b1', 'a2']);
    assert.equal(await handOver(['a3']), 'started');
    assert.notEqual((await run.describe()).runId, runId);
    assert.deepEqual(await run.result(), { done: 1 });
  });
});

test('a lane goes on as a new run with its chains, attempts and due times', async () => {
  const handle: Handle = (id, attempt) => (id === 'a1' && attempt < 3 ? again(3_600_000) : done);
  await withLane(place(), handle, async ({ story, restsOf, handOver, run }) => {
    const others = Array.from({ length: 20 }, (_, n) => `b${n + 1}`);
    await handOver(['a1', 'a2', 'a3', ...others], { maxHistoryEvents: 30 });
    const { runId } = await run.describe();
    assert.deepEqual(await run.result(), { done: 23 });
    const latest = await run.describe();
    assert.notEqual(latest.runId, runId);
    assert.ok(latest.historyLength < 60, String(latest.historyLength));
    assert.deepEqual(
      story.filter((id) => id.startsWith('b')),
      others,
    );
    assert.deepEqual(story.slice(-4), ['a1', 'a1', 'a2', 'a3']);
    assert.deepEqual(restsOf('a1'), [3_600, 3_600]);
  });
});

test('a lane that is cancelled buries what no handler has, and takes nothing until it has ended', async () => {
  const handle: Handle = async (id, _attempt, cancelled) => {
    if (id === 'a1') await once(cancelled, 'abort');
    return done;
  };
  await withLane(place(), handle, async ({ story, handOver, insist, run }) => {
    await handOver(['a1', 'a2', 'a3']);
    await eventually('the first is handled', () => assert.deepEqual(story, ['a1']));
    await run.cancel();
    assert.equal(await handOver(['a4']), 'full');
    await run.result();
    assert.deepEqual(story, ['a1', '✝a2', '✝a3']);
    await insist(['a4']);
    await run.result();
    assert.equal(story.at(-1), 'a4');
  });
});
