import assert from 'node:assert/strict';
import { test } from 'node:test';
import { fileURLToPath } from 'node:url';
import { silent } from '../../src/runtime/log.ts';
import { runnableOf } from '../../src/tasks/runnable.ts';
import { testConfig } from '../helpers/configuration.ts';
import sending from './fixtures/sending.ts';

test('a handler that sends by itself, which would go to the default addresses, is told of context.publish', async (t) => {
  const file = fileURLToPath(new URL('./fixtures/sending.js', import.meta.url));
  const { caller } = runnableOf({ worker: sending, file }, testConfig({}), silent, {
    ...{ concurrency: null, queues: [], env: { PATH: process.env['PATH'] } },
    count: () => {},
  });
  t.after(() => caller.stop(0));
  for (const how of ['send', 'result', 'producer']) {
    const call = { id: how, attempt: 1, isLastAttempt: true, key: null, headers: {} };
    const body = Buffer.from(JSON.stringify(how)).toString('base64');
    const end = await caller.call({ ...call, receivedAt: 0, body });
    assert.ok(end.kind === 'failed', `${how}: ${end.kind}`);
    assert.match(end.reason, /are not for handlers.*Publish by context\.publish/);
  }
});
