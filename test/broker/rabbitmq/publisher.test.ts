import assert from 'node:assert/strict';
import { test } from 'node:test';
import { isMapping } from '../../../src/config/tree.ts';
import { DEFAULTS } from '../../../src/config/schema.ts';
import { readFailure } from '../../../src/broker/rabbitmq/dead-letter-queue.ts';
import { createFailures } from '../../../src/broker/rabbitmq/dead-letters.ts';
import type { FailureRecord } from '../../../src/broker/rabbitmq/dead-letters.ts';
import { encodeProperties } from '../../../src/broker/rabbitmq/message.ts';
import { MessageRefused } from '../../../src/broker/refusals.ts';
import { isUnpublishable } from '../../../src/broker/rabbitmq/publisher.ts';
import { management } from '../../faults/management.ts';
import { eventually } from '../../helpers/eventually.ts';
import { propertiesOf } from '../../helpers/properties.ts';
import { proxyTo } from '../../helpers/proxy.ts';
import { address, testPublisher, testQueues, uniqueName } from '../../helpers/servers.ts';
import { parseRules } from '../../../src/registrations/delivery.ts';

const ready = (publisher: { isReady(): boolean }, wanted = true) =>
  eventually(`the publisher is ${wanted ? '' : 'not '}ready`, () =>
    assert.equal(publisher.isReady(), wanted),
  );

test('what is published is confirmed, persistent and in the queue', async (t) => {
  const queues = await testQueues(t);
  const publisher = await testPublisher(t);
  assert.equal(publisher.isReady(), true);
  const { failureQueue } = queues.rabbit;
  await publisher.publish(failureQueue, Buffer.from('hello'), { messageId: 'm-1', type: 'x' });
  const message = await queues.take(failureQueue);
  assert.equal(message.content.toString(), 'hello');
  assert.deepEqual(
    [message.properties.messageId, message.properties.type, message.properties.deliveryMode],
    ['m-1', 'x', 2],
  );
});

test('a message that no queue takes is an error, and the next one is not touched by it', async (t) => {
  const queues = await testQueues(t);
  const publisher = await testPublisher(t);
  const nowhere = uniqueName();
  const lost = publisher.publish(nowhere, Buffer.from('x'), { messageId: 'm-1' });
  const { failureQueue } = queues.rabbit;
  const found = publisher.publish(failureQueue, Buffer.from('y'), { messageId: 'm-2' });
  await assert.rejects(lost, { message: `queue "${nowhere}" does not exist` });
  await found;
  await publisher.publish(failureQueue, Buffer.from('z'), { messageId: 'm-1' });
  await queues.hasDepth(failureQueue, 2);
});

test('a queue that is full and refuses is an error', async (t) => {
  const queues = await testQueues(t, false);
  const { failureQueue } = queues.rabbit;
  await queues.channel.assertQueue(failureQueue, {
    arguments: { 'x-max-length': 1, 'x-overflow': 'reject-publish' },
  });
  const publisher = await testPublisher(t);
  await publisher.publish(failureQueue, Buffer.from('x'), { messageId: 'm-1' });
  await assert.rejects(publisher.publish(failureQueue, Buffer.from('y'), { messageId: 'm-2' }), {
    message: 'refused by the broker: the queue is full, or cannot write to its disk',
  });
  await queues.hasDepth(failureQueue, 1);
});

test(
  'a quorum queue takes again what it has refused when its limit was taken away',
  { skip: process.env['RABBITMQ_WEB_URL'] === undefined },
  async (t) => {
    const queues = await testQueues(t);
    const { failureQueue } = queues.rabbit;
    const publisher = await testPublisher(t);
    const publish = (messageId: string) =>
      publisher.publish(failureQueue, Buffer.from(messageId), { messageId });
    await publish('before');
    await management.setPolicy(t, failureQueue, { 'max-length': 0, overflow: 'reject-publish' });
    // What comes while the policy does may still be let in.
    await eventually('it refuses', () => assert.rejects(publish('full'), /the queue is full/));
    await management.deletePolicy(failureQueue);
    await eventually('it takes again', () => publish('after'));
    assert.equal(publisher.isReady(), true);
  },
);

test('a hundred at once are all confirmed', async (t) => {
  const queues = await testQueues(t);
  const publisher = await testPublisher(t);
  const { failureQueue } = queues.rabbit;
  await Promise.all(
    Array.from({ length: 100 }, (_, n) =>
      publisher.publish(failureQueue, Buffer.from(String(n)), { messageId: `m-${n}` }),
    ),
  );
  await queues.hasDepth(failureQueue, 100);
});

test('a connection that is cut before the confirm rejects what waits for it, and comes back', async (t) => {
  const queues = await testQueues(t);
  const proxy = await proxyTo(t, address('AMQP_URL'));
  const publisher = await testPublisher(t, proxy.url);
  const { failureQueue } = queues.rabbit;
  await publisher.publish(failureQueue, Buffer.from('before'), { messageId: 'm-1' });

  proxy.freeze();
  const unconfirmed = publisher.publish(failureQueue, Buffer.from('during'), { messageId: 'm-2' });
  proxy.cut();
  await assert.rejects(unconfirmed, { message: /channel closed|lost before the broker confirmed/ });

  await ready(publisher);
  await publisher.publish(failureQueue, Buffer.from('after'), { messageId: 'm-3' });
  assert.equal((await queues.take(failureQueue)).content.toString(), 'before');
  assert.equal((await queues.take(failureQueue)).content.toString(), 'after');
});

test('while there is no connection publishing fails at once, and works when there is one again', async (t) => {
  const queues = await testQueues(t);
  const proxy = await proxyTo(t, address('AMQP_URL'));
  const publisher = await testPublisher(t, proxy.url);
  proxy.close();
  await ready(publisher, false);
  const { failureQueue } = queues.rabbit;
  await assert.rejects(publisher.publish(failureQueue, Buffer.from('x'), {}), {
    message: 'RabbitMQ is not connected',
  });
  proxy.open();
  await ready(publisher);
  await publisher.publish(failureQueue, Buffer.from('y'), { messageId: 'm' });
  await queues.hasDepth(failureQueue, 1);
});

test('a closed publisher stays closed', async (t) => {
  const proxy = await proxyTo(t, address('AMQP_URL'));
  const publisher = await testPublisher(t, proxy.url);
  await publisher.close();
  assert.equal(publisher.isReady(), false);
  assert.equal(proxy.count(), 1);
  await assert.rejects(publisher.publish('any', Buffer.from('x'), {}), /not connected/);
});

const record: FailureRecord = {
  claim: 'ana-1~0',
  failureClass: 'rejected',
  reason: 'CPF inválido',
  at: new Date(1_700_000_000_000),
  attempts: 1,
  requestId: null,
  workflowId: 'registrations/ana-1/x',
  generation: 0,
  token: 'secret',
  body: Buffer.from('{"id":"ana-1"}'),
  properties: encodeProperties(
    propertiesOf({
      messageId: 'theirs',
      headers: { 'x-tenant': 'sp', 'x-request-id': 'trace', 'x-despachante-attempts': 'forged' },
    }),
  ).properties,
};

/** The broker's address, with the smallest frames that AMQP knows. */
function smallFrames(): string {
  const url = new URL(address('AMQP_URL'));
  url.searchParams.set('frameMax', '4096');
  return url.href;
}

test('a failure record has its story in headers of its own, and the publisher’s beside them', async (t) => {
  const queues = await testQueues(t);
  const { failureQueue } = queues.rabbit;
  await createFailures(await testPublisher(t), queues.rabbit).publish(record);
  const { properties, content } = await queues.take(failureQueue);
  assert.equal(content.toString(), '{"id":"ana-1"}');
  assert.equal(properties.messageId, 'theirs');
  const headers = { ...properties.headers };
  delete headers['x-delivery-count']; // the broker's own
  assert.deepEqual(headers, {
    'x-tenant': 'sp',
    'x-request-id': 'trace',
    'x-despachante-class': 'rejected',
    'x-despachante-reason': 'CPF inválido',
    'x-despachante-at': '2023-11-14T22:13:20.000Z',
    'x-despachante-attempts': 1,
    'x-despachante-generation': 0,
    'x-despachante-origin': queues.rabbit.intakeQueue,
    'x-despachante-item': 'ana-1~0',
    'x-despachante-run': 'registrations/ana-1/x',
    'x-despachante-token': 'secret',
  });
});

test('a message that the broker closes the channel for is refused, and those beside it are confirmed', async (t) => {
  const queues = await testQueues(t);
  const { failureQueue } = queues.rabbit;
  const publisher = await testPublisher(t);
  // Nobody consumes from it on this channel: 406.
  const poison = { replyTo: 'amq.rabbitmq.reply-to' };
  const sent = Array.from({ length: 20 }, (_, n) =>
    publisher.publish(failureQueue, Buffer.from(String(n)), n === 7 ? poison : {}),
  );
  const results = await Promise.allSettled(sent);
  const refused = results.flatMap((each, n) => (each.status === 'rejected' ? [n] : []));
  assert.deepEqual(refused, [7]);
  await assert.rejects(Promise.all(sent), (error) => {
    assert.ok(isUnpublishable(error), String(error));
    assert.match(String(error), /the broker refuses it: .*PRECONDITION/);
    return true;
  });
});

test('a record that the broker refuses for its properties is written without them, and says so', async (t) => {
  const queues = await testQueues(t);
  const { failureQueue } = queues.rabbit;
  const poison = propertiesOf({ replyTo: 'amq.rabbitmq.reply-to', headers: { tenant: 'sp' } });
  const { properties } = encodeProperties(poison);
  const failures = createFailures(await testPublisher(t), queues.rabbit);
  await Promise.all([failures.publish({ ...record, properties }), failures.publish(record)]);
  const all = [await queues.take(failureQueue), await queues.take(failureQueue)];
  const bare = all.find(({ properties: { headers } }) => headers?.['x-tenant'] === undefined);
  assert.equal(bare?.content.toString(), '{"id":"ana-1"}');
  assert.equal(bare.properties.headers?.['x-despachante-item'], 'ana-1~0');
  const dropped = String(bare.properties.headers?.['x-despachante-dropped']);
  assert.match(dropped, /^all properties and headers, since the broker refuses it: /);
});

test('a message that the broker closes the whole connection for is refused, and those beside it are confirmed', async (t) => {
  const queues = await testQueues(t);
  const { failureQueue } = queues.rabbit;
  const publisher = await testPublisher(t, smallFrames());
  const sent = Array.from({ length: 20 }, (_, n) =>
    publisher.publish(
      failureQueue,
      Buffer.from(String(n)),
      n === 7 ? { headers: { long: 'x'.repeat(8_000) } } : {},
    ),
  );
  const results = await Promise.allSettled(sent);
  const refused = results.flatMap((each, n) => (each.status === 'rejected' ? [n] : []));
  assert.deepEqual(refused, [7]);
  await assert.rejects(Promise.all(sent), (error) => {
    assert.ok(isUnpublishable(error), String(error));
    assert.match(String(error), /the broker refuses it: .*FRAME/);
    return true;
  });
});

test('a record whose story does not fit into a frame beside the publisher’s headers is written without them', async (t) => {
  const queues = await testQueues(t);
  const { failureQueue } = queues.rabbit;
  const failures = createFailures(await testPublisher(t, smallFrames()), queues.rabbit);
  const long = propertiesOf({ headers: { long: 'x'.repeat(3_900) } });
  const { properties } = encodeProperties(long);
  await failures.publish({ ...record, properties });
  const { content, properties: written } = await queues.take(failureQueue);
  assert.equal(content.toString(), '{"id":"ana-1"}');
  assert.equal(written.headers?.['x-despachante-item'], 'ana-1~0');
  assert.equal(written.headers['long'], undefined);
});

test('what is left of a refused record goes beside the common connection, which the refusal has cost', async () => {
  const alone: unknown[] = [];
  let tries = 0;
  const failures = createFailures(
    {
      publish: () => {
        tries += 1;
        return Promise.reject(
          tries === 1 ? new MessageRefused('no') : new Error('RabbitMQ is not connected'),
        );
      },
      publishAlone: (_, body, properties) => {
        const headers: unknown = properties.headers;
        alone.push([body.toString(), isMapping(headers) && headers['x-despachante-dropped']]);
        return Promise.resolve();
      },
    },
    DEFAULTS.rabbit,
  );
  await failures.publish(record);
  assert.deepEqual(alone, [['{"id":"ana-1"}', 'all properties and headers, since no']]);
});

test('malformed deliveries are told apart by their bytes', async (t) => {
  const queues = await testQueues(t);
  const { failureQueue } = queues.rabbit;
  const failures = createFailures(await testPublisher(t), queues.rabbit);
  const malformed = { ...record, claim: null, failureClass: 'malformed' as const };
  for (const body of ['x', 'y', 'x'])
    await failures.publish({ ...malformed, body: Buffer.from(body) });
  const names: unknown[] = [];
  for (let n = 0; n < 3; n++) {
    const message = await queues.take(failureQueue);
    assert.equal(message.properties.headers?.['x-despachante-item'], undefined);
    names.push(readFailure(message, parseRules(DEFAULTS)).name);
  }
  assert.match(String(names[0]), /^malformed![0-9a-f]{16}:malformed$/);
  assert.notEqual(names[0], names[1]);
  assert.equal(names[0], names[2]);
});
