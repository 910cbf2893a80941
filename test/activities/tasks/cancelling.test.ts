import assert from 'node:assert/strict';
import { test } from 'node:test';
import { createCancelling } from '../../../activities/tasks/cancelling.ts';
import { silent } from '../../../src/runtime/log.ts';

test('cancelled tasks are looked for while calls run, and no timer is left of a worker that has none', async (t) => {
  t.mock.timers.enable({ apis: ['setInterval'] });
  const clear = t.mock.method(globalThis, 'clearInterval');
  const cancelled: string[] = [];
  const watching = createCancelling({
    claims: { decided: (claims) => Promise.resolve(claims.filter((claim) => claim === 'b')) },
    caller: { cancel: (id) => void cancelled.push(id) },
    log: silent,
  });
  for (let round = 1; round <= 2; round += 1) {
    const { promise, resolve } = Promise.withResolvers<string>();
    const calls = ['a', 'b'].map((claim) => ({ claim, id: `${claim}-${round}` }));
    const work = watching(calls, promise);
    t.mock.timers.tick(1_000);
    await Promise.resolve();
    resolve('done');
    assert.equal(await work, 'done');
    assert.equal(clear.mock.callCount(), round);
  }
  assert.deepEqual(cancelled, ['b-1', 'b-2']);
});
