import assert from 'node:assert/strict';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test, type TestContext } from 'node:test';
import { readQueues } from '../../src/config/queues.ts';
import { startChosen } from '../../src/door/start-chosen.ts';
import { defineWorker, kafka, rabbitmq } from '../../src/index.ts';
import { silent } from '../../src/runtime/log.ts';
import { createMetrics } from '../../src/runtime/metrics.ts';
import { connectTemporal } from '../../src/temporal/client.ts';
import type { Channel } from '../../src/workers/call.ts';
import { testConfig } from '../helpers/configuration.ts';

type Channels = Partial<Record<'from' | 'to', Channel>>;

/** Starts workers of these names. @param lines of queues.yaml */
async function start(t: TestContext, named: Record<string, Channels>, lines: string[] = []) {
  const folder = mkdtempSync(join(tmpdir(), 'despachante-queues-'));
  t.after(() => rmSync(folder, { recursive: true }));
  const queuesFile = join(folder, 'queues.yaml');
  if (lines.length > 0) writeFileSync(queuesFile, `queues:\n${lines.join('\n')}\n`);
  const config = testConfig({
    temporalAddress: process.env['TEMPORAL_ADDRESS'] ?? 'localhost:7233',
  });
  const client = await connectTemporal(config);
  t.after(() => client.connection.close());
  const found = Object.entries(named).map(([name, channels]) => ({
    worker: defineWorker({ name, ...channels, handle: () => null }),
    file: '',
  }));
  const queues = lines.length > 0 ? readQueues(queuesFile) : [];
  return startChosen(
    { config, client, log: silent, metrics: createMetrics(), forOthers: {} },
    { ...{ found, queues }, ...{ concurrency: null, areAll: false } },
  );
}

test('a worker whose code names a queue that is not to be taken from here does not start', async (t) => {
  const lines = ['  - name: emails', '    enable_consumer: false'];
  await assert.rejects(
    start(t, { Mailer: { from: rabbitmq('emails') } }, lines),
    /enable_consumer is false for emails in queues\.yaml/,
  );
});

test('a worker whose results go to a queue that is not to be published to does not start', async (t) => {
  const lines = ['  - name: results', '    enable_publisher: false'];
  await assert.rejects(
    start(t, { Mailer: { from: rabbitmq('emails'), to: rabbitmq('results') } }, lines),
    /enable_publisher is false for results \(Mailer\) in queues\.yaml/,
  );
});

test('workers that would get the messages of each other do not start, and are all named', async (t) => {
  const shared = {
    One: {},
    Other: {},
    Third: { from: rabbitmq('tasks') },
    Fourth: { from: rabbitmq('tasks') },
    Fifth: { from: kafka('events', { group: 'g' }) },
    Sixth: { from: kafka('events', { group: 'g' }) },
    // Each gets all of the topic.
    Seventh: { from: kafka('events') },
    Eighth: { from: kafka('events') },
  };
  await assert.rejects(start(t, shared), (error: unknown) => {
    assert.ok(error instanceof Error);
    const lines = error.message.split('\n');
    assert.deepEqual(
      lines.map((line) => line.replace(/,.*/, '')),
      [
        'One and Other take from the queue default',
        'Third and Fourth take from the queue tasks',
        'Fifth and Sixth take from the topic events as the group g',
        'Give each a source of its own (from)',
      ],
    );
    return true;
  });
});
