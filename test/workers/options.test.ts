/** An option that does not exist would do nothing: it is told, with the one that was probably meant. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import {
  PermanentError,
  TemporaryError,
  defineWorker,
  kafka,
  rabbitmq,
  reject,
  retry,
  testWorker,
} from 'despachante';

const cases: [name: string, call: () => unknown, words: RegExp][] = [
  [
    'kafka',
    // @ts-expect-error there is no such option
    () => kafka('emails', { group_id: 'senders' }),
    /^kafka\('emails'\): group_id: is no option \(did you mean group\?\)$/,
  ],
  [
    'rabbitmq',
    // @ts-expect-error it has no options
    () => rabbitmq('emails', { group: 'senders' }),
    /^rabbitmq\('emails'\): group: is no option \(there are none\)$/,
  ],
  [
    'retry',
    // @ts-expect-error there is no such option
    () => retry('not yet', { retryAfter: '5s' }),
    /^retry\(\): retryAfter: is no option \(did you mean after\?\)$/,
  ],
  [
    'reject',
    // @ts-expect-error it has no options
    () => reject('never', { class: 'NoUser' }),
    /^reject\(\): class: is no option \(there are none\)$/,
  ],
  [
    'TemporaryError',
    // @ts-expect-error there is no such option
    () => new TemporaryError('not yet', { after: '5s' }),
    /^TemporaryError: after: is no option \(did you mean retryAfter\?\)$/,
  ],
  [
    'PermanentError',
    // @ts-expect-error there is no such option
    () => new PermanentError('never', { clas: 'NoUser' }),
    /^PermanentError: clas: is no option \(did you mean class\?\)$/,
  ],
];

for (const [name, call, words] of cases)
  test(`${name} refuses an option that does not exist, and says which was meant`, () => {
    assert.throws(
      call,
      (error: unknown) => error instanceof TypeError && words.test(error.message),
    );
  });

test('publish refuses one in the handler, where the attempt fails with its words', async () => {
  const worker = defineWorker({
    name: 'Publishing',
    handle(_message, { publish }) {
      // @ts-expect-error there is no such option
      publish(kafka('sent'), 1, { keys: 'a' });
    },
  });
  const outcome = await testWorker(worker).run({});
  assert.ok(outcome.kind === 'retry');
  assert.equal(outcome.reason, 'publish(): keys: is no option (did you mean key?)');
});
