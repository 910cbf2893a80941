import assert from 'node:assert/strict';
import { test, type TestContext } from 'node:test';
import { fileURLToPath } from 'node:url';
import { silent } from '../../src/runtime/log.ts';
import { runnableOf } from '../../src/tasks/runnable.ts';
import { testConfig } from '../helpers/configuration.ts';
import { identifyingBy } from '../../src/tasks/identifying.ts';
import type { Worker } from '../../src/workers/worker.ts';
import type { Ended } from '../../src/workers/call.ts';
import careless from './fixtures/careless-id.ts';
import endless from './fixtures/endless-id.ts';

/** What each of these is told, in its order. */
async function told(t: TestContext, worker: Worker, name: string, bodies: readonly string[]) {
  const file = fileURLToPath(new URL(`./fixtures/${name}.js`, import.meta.url));
  const running = runnableOf({ worker, file }, testConfig({}), silent, {
    ...{ concurrency: null, queues: [], env: { PATH: process.env['PATH'] } },
    count: () => {},
  });
  t.after(() => running.caller.stop(0));
  const all = bodies.map(async (body) => running.worker.identify?.(Buffer.from(body)));
  return (await Promise.allSettled(all)).map((each) =>
    each.status === 'fulfilled' ? each.value : String(each.reason),
  );
}

test('a message whose id takes for ever to read is refused, and the others go on', async (t) => {
  const bodies = ['a', 'endless', 'faulty', 'b'].map((text) => JSON.stringify(text));
  assert.deepEqual(await told(t, endless, 'endless-id', bodies), [
    { id: 'id of a', key: null },
    'Error: its time was over, and it did not heed its signal',
    'Error: Error: it has no order number',
    { id: 'id of b', key: null },
  ]);
});

test('what would be one id for several messages is refused with the reason', async (t) => {
  const bodies = [
    ...['{"id":9007199254740991,"key":-7}', '{"id":"","key":null}'],
    ...['{"id":9007199254740993}', '{"key":9007199254740993}'],
    ...['{"id":{"a":1}}', '{"id":1.5}', '{"id":true}'],
  ];
  const beyond = (by: string) =>
    `Error: RangeError: ${by} returned a number beyond 2^53: send it as text`;
  const none = 'Error: TypeError: idFrom returned neither a text nor a whole number';
  assert.deepEqual(await told(t, careless, 'careless-id', bodies), [
    { id: '9007199254740991', key: '-7' },
    { id: null, key: null },
    beyond('idFrom'),
    beyond('keyFrom'),
    ...[none, none, none],
  ]);
});

/** Ends as it is told, one after the other, and then well. */
function scripted(ends: Ended[]) {
  const done: Ended = { kind: 'done', result: { id: 'a', key: null }, outgoing: [] };
  const next = (): Ended => ends.shift() ?? done;
  return {
    call: () => Promise.resolve(next()),
    callBatch: (calls: unknown[]) => Promise.resolve(calls.map(next)),
  };
}
const crashed: Ended = { kind: 'crashed', reason: 'signal SIGKILL' };
const interrupted: Ended = { kind: 'interrupted' };

test('a message is read again where its reader died or was replaced, and is refused where it always dies', async () => {
  const read = (ends: Ended[]) =>
    identifyingBy(scripted(ends), () => false)(Buffer.from('1')).catch(String);
  assert.deepEqual(await read([crashed, crashed, interrupted, crashed]), { id: 'a', key: null });
  assert.equal(await read(Array.from({ length: 20 }, () => crashed)), 'Error: signal SIGKILL');
});

test('a message that is not read when the worker stops is not refused', async () => {
  let isStopping = false;
  const caller = scripted([interrupted, crashed]);
  const call = () => {
    isStopping = true;
    return caller.call();
  };
  const reading = identifyingBy({ ...caller, call }, () => isStopping)(Buffer.from('1'));
  const soon = new Promise((resolve) => setImmediate(resolve, 'unanswered'));
  assert.equal(await Promise.race([reading, soon]), 'unanswered');
});
