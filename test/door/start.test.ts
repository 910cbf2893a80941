/** Workers inside a program that somebody else has written. */
import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { test } from 'node:test';
import {
  UnknownWorkerError,
  WorkersNotLoadedError,
  configure,
  getResult,
  getWorker,
  runWorker,
  send,
  startWorkers,
} from 'despachante';
import { createApp } from '../../examples/fastify/app.ts';
import { configureTest, testProgram } from '../helpers/door.ts';
import { eventually } from '../helpers/eventually.ts';
import { atEnd } from '../helpers/servers.ts';
import sums from './fixtures/sums.ts';

const FIXTURES = join(import.meta.dirname, 'fixtures');
const files = [join(FIXTURES, 'sums.js')];

test('workers run inside a program, take no signal from it, and leave nothing that keeps it when they stop', async (t) => {
  const { env } = testProgram(t);
  const host = spawn(process.execPath, [join(FIXTURES, 'host.js')], {
    env: { ...process.env, ...env },
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  atEnd(t, () => void host.kill('SIGKILL'));
  const lines = createInterface({ input: host.stdout })[Symbol.asyncIterator]();
  const first = await lines.next();
  assert.deepEqual(JSON.parse(String(first.value)), {
    ...{ workers: ['Sums'], signals: 0, result: { sum: 5, key: null, attempt: 1 } },
  });
  host.kill('SIGTERM');
  assert.equal((await lines.next()).value, 'stopped');
  if (host.exitCode === null) await once(host, 'exit');
  assert.equal(host.exitCode, 0);
});

test('the web server of the example sends a task, answers with its result, and tells of its queues', async (t) => {
  const { env, queue } = testProgram(t);
  const app = await createApp({ env });
  atEnd(t, () => app.close());
  const sent = await app.inject({ method: 'POST', url: '/greetings', body: { name: 'Ana' } });
  assert.equal(sent.statusCode, 202);
  const { id }: { id: string } = sent.json();
  await eventually('the greeting is there', async () => {
    const found = await app.inject(`/greetings/${id}`);
    assert.deepEqual(found.json(), {
      ...{ status: 'done', result: { greeting: 'Olá, Ana' }, error: null },
    });
  });
  const health = await app.inject('/health/queue');
  assert.equal(health.statusCode, 200);
  assert.deepEqual(health.json(), {
    status: 'healthy',
    queues: { [queue]: { status: 'healthy', closedBy: {} } },
  });
  const refused = await app.inject({ method: 'POST', url: '/greetings', body: { name: '' } });
  assert.deepEqual(
    [refused.statusCode, refused.json()],
    [400, { error: 'Nothing was sent to GreetWorker: the schema does not accept /name' }],
  );
});

test('runWorker runs one until its signal is aborted, and what it has not taken waits', async (t) => {
  configureTest(t);
  const stop = new AbortController();
  const running = runWorker(sums, { files, signal: stop.signal });
  const first = await send(sums, { a: 1 });
  const found = await eventually('its result', async () => {
    const result = await getResult(sums, first.id, { wait: '10s' });
    assert.ok(result);
    return result;
  });
  assert.deepEqual([found.status, found.result], ['done', { sum: 2, key: null, attempt: 1 }]);
  assert.equal(getWorker('Sums').name, 'Sums');
  stop.abort();
  await running;
  const second = await send(sums, { a: 2 });
  assert.equal(await getResult(sums, second.id), null);
});

test('what is wrong with a start is told with the remedy, before anything runs', async (t) => {
  configureTest(t, { TEMPORAL_ADDRESS: '127.0.0.1:1' });
  await assert.rejects(startWorkers({ files, workers: ['Sum'] }), (error: unknown) => {
    assert.ok(error instanceof UnknownWorkerError);
    assert.match(error.message, /did you mean Sums\?/);
    return true;
  });
  await assert.rejects(startWorkers({ files: ['nowhere'] }), WorkersNotLoadedError);
  const misspelt = { file: files };
  // @ts-expect-error it is called files
  const lost = startWorkers(misspelt);
  await assert.rejects(lost, /file: is no option \(did you mean files\?\)/);
  assert.throws(() => configure({}), /came too late/);
  await assert.rejects(startWorkers({ files }), /Cannot connect to Temporal at 127\.0\.0\.1:1/);
});
