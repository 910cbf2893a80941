import assert from 'node:assert/strict';
import { test } from 'node:test';
import { Script } from 'node:vm';
import { requestIdReader } from '../../src/request-id.ts';

test('a request id is read though the machine stood still while its pattern was tried', (t) => {
  const isRequestId = requestIdReader({ requestIdPattern: '[A-Z0-9-]+', statusPath: '/r/{id}' });
  const stoodStill = () => {
    throw new Error('Script execution timed out after 50ms');
  };
  t.mock.method(Script.prototype, 'runInContext', stoodStill, { times: 1 });
  assert.equal(isRequestId('AB583C-X'), true);
});
