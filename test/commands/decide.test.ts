import assert from 'node:assert/strict';
import { test } from 'node:test';
import { emptyFolder, run } from './cli.ts';

test('a doubt is not confirmed under what cannot be a request id, and nobody is asked for it', async (t) => {
  const cwd = emptyFolder(t);
  const word = ['--operator', 'rui', '--reason', 'seen on screen 12'];
  // Nobody listens there: it must not come so far.
  const env = { MONGODB_URI: 'mongodb://127.0.0.1:1/?serverSelectionTimeoutMS=200' };
  for (const requestId of ['..', '%2e%2e', 'a/b', '']) {
    const args = ['doubts', 'confirm', 'ana-1', ...word, '--request-id', requestId];
    const { code, stderr } = await run(args, { cwd, env });
    assert.equal(code, 2, stderr);
    assert.match(stderr, /is no request id of the legacy system: legacy\.requestIdPattern/);
  }
});
