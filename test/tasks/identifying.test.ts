import assert from 'node:assert/strict';
import { test } from 'node:test';
import { fileURLToPath } from 'node:url';
import { silent } from '../../src/runtime/log.ts';
import { runnableOf } from '../../src/tasks/runnable.ts';
import { testConfig } from '../helpers/configuration.ts';
import endless from './fixtures/endless-id.ts';

test('a message whose id takes for ever to read is refused, and the others go on', async (t) => {
  const file = fileURLToPath(new URL('./fixtures/endless-id.js', import.meta.url));
  const { worker, caller } = runnableOf({ worker: endless, file }, testConfig({}), silent, {
    ...{ concurrency: null, queues: [], env: { PATH: process.env['PATH'] } },
    count: () => {},
  });
  t.after(() => caller.stop(0));
  const told = await Promise.allSettled(
    ['a', 'endless', 'faulty', 'b'].map(async (text) =>
      worker.identify?.(Buffer.from(JSON.stringify(text))),
    ),
  );
  assert.deepEqual(
    told.map((each) => (each.status === 'fulfilled' ? each.value : String(each.reason))),
    [
      { id: 'id of a', key: null },
      'Error: its time was over, and it did not heed its signal',
      'Error: Error: it has no order number',
      { id: 'id of b', key: null },
    ],
  );
});
