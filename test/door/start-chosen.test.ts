import assert from 'node:assert/strict';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import { readQueues } from '../../src/config/queues.ts';
import { startChosen } from '../../src/door/start-chosen.ts';
import { defineWorker, rabbitmq } from '../../src/index.ts';
import { silent } from '../../src/runtime/log.ts';
import { createMetrics } from '../../src/runtime/metrics.ts';
import { connectTemporal } from '../../src/temporal/client.ts';
import { testConfig } from '../helpers/configuration.ts';

test('a worker whose code names a queue that is not to be taken from here does not start', async (t) => {
  const folder = mkdtempSync(join(tmpdir(), 'despachante-queues-'));
  t.after(() => rmSync(folder, { recursive: true }));
  const queuesFile = join(folder, 'queues.yaml');
  writeFileSync(queuesFile, 'queues:\n  - name: emails\n    enable_consumer: false\n');
  const config = testConfig({
    temporalAddress: process.env['TEMPORAL_ADDRESS'] ?? 'localhost:7233',
  });
  const client = await connectTemporal(config);
  t.after(() => client.connection.close());
  const worker = defineWorker({ name: 'Mailer', from: rabbitmq('emails'), handle: () => null });
  await assert.rejects(
    startChosen(
      { config, client, log: silent, metrics: createMetrics(), forOthers: {} },
      {
        ...{ found: [{ worker, file: '' }], queues: readQueues(queuesFile) },
        ...{ concurrency: null, areAll: false },
      },
    ),
    /enable_consumer is false for emails in queues\.yaml/,
  );
});
