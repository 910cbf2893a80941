// A queue whose messages go to an HTTP endpoint, and the process that delivers them is killed.
import assert from 'node:assert/strict';
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import { startChild } from '../../src/runtime/child.ts';
import { eventually } from '../helpers/eventually.ts';
import { address, atEnd, uniqueName } from '../helpers/servers.ts';
import { TEST_KEYS, emptyConfiguration } from '../helpers/system.ts';
import { webServer } from '../helpers/web-server.ts';
import { testPlace } from '../helpers/workers.ts';

const COUNT = 300;
const KILLS = 3;
const AT_ONCE = 16;
/** On the wire, and answered within the 100 ms in which answers are written down together. */
const IN_HAND = AT_ONCE + (AT_ONCE * 100) / 10;

test('a process that delivers a queue by HTTP is killed three times: nothing is lost, and what is sent again has its key', async (t) => {
  const name = uniqueName();
  const place = await testPlace(
    t,
    { deadLetters: { broker: 'rabbitmq', name: `dlq_${name}.tasks` } },
    { name },
  );
  const { claims } = place;
  const { url, seen } = await webServer(
    t,
    (_, response) => void setTimeout(() => response.end(), 10),
  );
  const folder = mkdtempSync(join(tmpdir(), 'webhook-'));
  atEnd(t, () => rmSync(folder, { recursive: true }));
  mkdirSync(join(folder, 'workers'));
  const queues = join(folder, 'queues.yaml');
  writeFileSync(
    queues,
    [
      'queues:',
      `  - name: ${place.worker.from.name}`,
      `    broker_url: ${address('AMQP_URL')}`,
      '    worker: Sample',
      `    handler: {type: http, url: "${url}/hook", concurrency: ${AT_ONCE}}`,
    ].join('\n'),
  );
  const start = async () => {
    const child = await startChild({
      args: [
        'tasks',
        'run',
        '--all',
        '--workers',
        join(folder, 'workers'),
        '--queues',
        queues,
        '--port',
        '0',
      ],
      env: {
        DESPACHANTE_CONFIG: emptyConfiguration(folder),
        DESPACHANTE_MONGODB_DATABASE: name,
        DESPACHANTE_TEMPORAL_TASK_QUEUE: name,
        DESPACHANTE_SWEEPER_ENABLED: 'false',
        ENCRYPTION_KEYS: TEST_KEYS,
      },
      logFile: join(folder, 'log'),
    });
    atEnd(t, () => child.kill());
    return child;
  };
  for (let n = 0; n < COUNT; n += 1) await place.publish({ n }, { messageId: `m${n}` });
  for (let n = 1; n <= KILLS; n += 1) {
    const child = await start();
    await eventually('it has delivered some', () =>
      assert.ok(seen.length >= (n * COUNT) / (KILLS + 2)),
    );
    await child.kill();
  }
  await start();
  await eventually('all are done', async () =>
    assert.equal(
      await claims.countDocuments({ 'outcome.kind': 'done', settledAt: { $ne: null } }),
      COUNT,
    ),
  );
  const keys = seen.map(({ headers }) => String(headers['idempotency-key']));
  assert.equal(new Set(keys).size, COUNT);
  assert.ok(keys.length <= COUNT + KILLS * IN_HAND, `${keys.length} requests`);
});
