/** A worker that is stopped while a server hangs. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { eventually } from '../helpers/eventually.ts';
import { proxyTo } from '../helpers/proxy.ts';
import { address } from '../helpers/servers.ts';
import { callerOf, startWorker, testPlace } from '../helpers/workers.ts';

test('handlers hear of a stop though MongoDB answers no more', async (t) => {
  const proxy = await proxyTo(t, address('MONGODB_URI'));
  const { config, worker, client } = await testPlace(
    t,
    {},
    { settings: { mongodbUri: proxy.url } },
  );
  const told = Promise.withResolvers<void>();
  const caller = callerOf(() => ({ kind: 'interrupted' }));
  const stop = () => Promise.resolve(told.resolve());
  const running = await startWorker(config, worker, { ...caller, stop }, client);
  await eventually('it takes messages', () => assert.ok(running.checks()['Sample']));
  proxy.withholdAnswersTo('settledAt');
  await eventually('it waits for an answer', () => assert.ok(proxy.withheld() > 0));
  const stopped = running.stop();
  await told.promise;
  proxy.withholdAnswersTo(null);
  proxy.cut();
  await stopped;
});
