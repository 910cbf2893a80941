import assert from 'node:assert/strict';
import { once } from 'node:events';
import { createInterface } from 'node:readline';
import { test } from 'node:test';
import { isMapping } from '../../src/config/tree.ts';
import { emptyFolder, start } from './cli.ts';

test('the simulator tells where it listens, behaves as told, and tells its statistics when it is ended', async (t) => {
  const args = [
    'simulate',
    '--json',
    '--port',
    '0',
    '--core-port',
    '0',
    '--latency',
    '0s',
    '--refuse',
    '1',
  ];
  const child = start(args, emptyFolder(t));
  t.after(() => child.kill('SIGKILL'));
  const closed = once(child, 'close');
  const output = createInterface({ input: child.stdout })[Symbol.asyncIterator]();
  const first: unknown = JSON.parse(String((await output.next()).value));
  assert.ok(isMapping(first));
  const answer = await fetch(`${String(first['url'])}/registrations`, {
    method: 'POST',
    body: '{"id":"a"}',
  });
  assert.equal(answer.status, 422);
  child.kill('SIGTERM');
  const last: unknown = JSON.parse(String((await output.next()).value));
  assert.ok(isMapping(last));
  assert.deepEqual([last['refused'], last['accepted'], last['posts']], [1, 0, 1]);
  await closed;
  assert.equal(child.exitCode, 0);
});
