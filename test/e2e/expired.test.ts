/** What a time to live, set by others, does to messages: it says how long they may wait, and files nobody's registration away. */
import assert from 'node:assert/strict';
import { after, afterEach, test } from 'node:test';
import { HEADER, ORIGINAL } from '../../src/domain/names.ts';
import { flowOf } from '../helpers/flow.ts';
import { uniqueName } from '../helpers/servers.ts';
import { startSystem } from '../helpers/system.ts';

const system = await startSystem({ after, afterEach });
const flow = flowOf(system);
const { intakeQueue, returnedQueue } = system.config.rabbit;

test('a message that expired before it was taken is registered all the same, once', async () => {
  await system.stop('intake');
  const [good, bad] = [uniqueName(), uniqueName()];
  await flow.publish({ id: good }, { expiration: '1' });
  await flow.publish({ id: bad, simulate: { refuse: 'CPF' } }, { expiration: '1' });
  await system.hasDepth(returnedQueue, 2);
  await system.start('intake');
  assert.equal(await flow.outcomeOf(good), 'registered');
  assert.equal(flow.postsOf(good).length, 1);

  const record = await flow.failureOf(`${bad}~0`, 'rejected');
  const { 'x-death': deaths, ...headers }: Record<string, unknown> = {
    ...record.properties.headers,
  };
  assert.match(
    JSON.stringify(deaths),
    new RegExp(
      `"reason":"expired".*"queue":"${intakeQueue}"|"queue":"${intakeQueue}".*"reason":"expired"`,
    ),
  );
  assert.equal(headers[HEADER.origin], intakeQueue);
  assert.equal(record.properties.expiration, undefined, 'the record does not expire');

  // With its x-death it goes round once more, and what it has been through keeps it from nothing.
  await flow.json('failures', 'redrive', bad);
  assert.equal(await flow.outcomeOf(bad, 1), 'rejected');
  await flow.failureOf(`${bad}~1`, 'rejected');
});

test('a record keeps what expiration its message had, as a header, and waits without end', async () => {
  const id = uniqueName();
  await flow.publish({ id, simulate: { refuse: 'CPF' } }, { expiration: '600000' });
  const record = await flow.failureOf(`${id}~0`, 'rejected');
  assert.equal(record.properties.headers?.[ORIGINAL.expiration], '600000');
  assert.equal(record.properties.expiration, undefined);
});

test('a message that another team has dead-lettered to the intake queue is a registration like any other', async () => {
  const id = uniqueName();
  const death = { queue: 'orders', reason: 'rejected', count: 3, exchange: 'orders' };
  await flow.publish(
    { id },
    { headers: { 'x-death': [death], 'x-first-death-queue': 'orders', 'x-delivery-count': 7 } },
  );
  assert.equal(await flow.outcomeOf(id), 'registered');
});
