import assert from 'node:assert/strict';
import { once } from 'node:events';
import { createServer } from 'node:http';
import { test } from 'node:test';
import { listProcesses } from '../../src/coordination/processes.ts';
import { atEnd } from '../helpers/servers.ts';
import { run, testPlace } from './cli.ts';

test('a process whose health port is taken takes nothing, and is no process that is offline', async (t) => {
  const { store, folder, env } = await testPlace(t);
  const other = createServer().listen(0, '127.0.0.1');
  await once(other, 'listening');
  atEnd(t, () => void other.close());
  const address = other.address();
  const port = typeof address === 'object' ? String(address?.port) : '';
  for (const role of ['worker', 'intake']) {
    // A Schedule would outlive the test.
    const settings = { ...env, DESPACHANTE_SWEEPER_ENABLED: 'false' };
    const { code, stderr } = await run([role, '--port', port], { cwd: folder, env: settings });
    assert.equal(code, 1, stderr);
    assert.match(stderr, /Cannot serve health on 127\.0\.0\.1:\d+: .*Choose another with --port/);
  }
  assert.deepEqual(await listProcesses(store.own), []);
});
