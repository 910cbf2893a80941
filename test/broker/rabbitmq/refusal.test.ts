/** What RabbitMQ refuses, and what is told of it: which right, on what, and the remedy. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { diagnoseRabbit } from '../../../src/doctor/rabbitmq.ts';
import { silent } from '../../../src/runtime/log.ts';
import { createConsumer } from '../../../src/broker/rabbitmq/consumer.ts';
import { createPublisher } from '../../../src/broker/rabbitmq/publisher.ts';
import { declareQueues } from '../../../src/broker/rabbitmq/queues.ts';
import { isMissingQueue } from '../../../src/broker/rabbitmq/refusal.ts';
import { BrokerRefusal } from '../../../src/broker/refusals.ts';
import { connectOnce } from '../../../src/broker/rabbitmq/connection.ts';
import { management } from '../../faults/management.ts';
import { testConfig } from '../../helpers/configuration.ts';
import { eventually } from '../../helpers/eventually.ts';
import { address, atEnd, testQueues, uniqueName, type Ending } from '../../helpers/servers.ts';

const USE = { configure: '', write: 'amq\\.default', read: '.*' };

/** Refused for good, with all of these words. */
const refusal =
  (...words: (string | RegExp)[]) =>
  (error: unknown): true => {
    assert.ok(error instanceof BrokerRefusal, String(error));
    for (const word of words) {
      if (typeof word === 'string') assert.ok(error.message.includes(word), error.message);
      else assert.match(error.message, word);
    }
    return true;
  };

async function connected(t: Ending, url: string) {
  const connection = await connectOnce(url, 'test', 10_000);
  atEnd(t, () => connection.close());
  return connection;
}

for (const existingQueues of ['refuse', 'adopt'] as const) {
  test(`with "${existingQueues}" who may read and write, and not configure, uses queues that exist as declared`, async (t) => {
    const queues = await testQueues(t);
    const rabbit = { ...queues.rabbit, existingQueues };
    const amqpUrl = await management.addUser(t, uniqueName(), 'p', USE);
    assert.deepEqual(await declareQueues(await connected(t, amqpUrl), rabbit), []);
    const bodies: string[] = [];
    const config = testConfig({ amqpUrl, rabbit });
    const consumer = await createConsumer(config, silent, (delivery) => {
      bodies.push(delivery.body.toString());
      delivery.ack();
    });
    atEnd(t, () => consumer.close());
    const options = { url: amqpUrl, heartbeatMs: 10_000, name: 'test', log: silent };
    const publisher = await createPublisher(options);
    atEnd(t, () => publisher.close());
    await publisher.publish(rabbit.intakeQueue, Buffer.from('a'), {});
    await eventually('it is delivered', () => assert.deepEqual(bodies, ['a']));
    const found = await diagnoseRabbit(config);
    assert.deepEqual([...new Set(found.map(({ state }) => state))], ['well']);
  });
}

test('a queue that is missing and may not be declared is told, with the right that is missing', async (t) => {
  const { rabbit } = await testQueues(t, false);
  const url = await management.addUser(t, uniqueName(), 'p', USE);
  const wanted = refusal(
    `the configure permission on "${rabbit.returnedQueue}"`,
    /set_permissions/,
  );
  await assert.rejects(declareQueues(await connected(t, url), rabbit), wanted);
  const config = testConfig({ amqpUrl: url, rabbit });
  await assert.rejects(
    createConsumer(config, silent, () => {}),
    wanted,
  );
});

test('who may not read the intake queue is told so, and does not wait for ever', async (t) => {
  const { rabbit } = await testQueues(t);
  const url = await management.addUser(t, uniqueName(), 'p', { ...USE, read: 'nothing' });
  const wanted = refusal(`the read permission on "${rabbit.intakeQueue}"`);
  const config = testConfig({ amqpUrl: url, rabbit });
  await assert.rejects(
    createConsumer(config, silent, () => {}),
    wanted,
  );
});

test('who may not write is told so, and what was to be published is not taken for unpublishable', async (t) => {
  const { rabbit } = await testQueues(t);
  const name = uniqueName();
  const url = await management.addUser(t, name, 'p', { ...USE, write: 'nothing' });
  const publisher = await createPublisher({ url, heartbeatMs: 10_000, name: 'test', log: silent });
  atEnd(t, () => publisher.close());
  const publish = () => publisher.publish(rabbit.failureQueue, Buffer.from('a'), {});
  await assert.rejects(publish(), refusal('the write permission on "amq.default"'));
  await management.setRights(name, USE);
  await eventually('it goes on when the right is given', publish);
});

test('a queue that another connection has for itself alone is told', async (t) => {
  const { rabbit, channel, connection } = await testQueues(t, false);
  await channel.assertQueue(rabbit.returnedQueue, { exclusive: true });
  const other = await connected(t, address('AMQP_URL'));
  await assert.rejects(
    declareQueues(other, rabbit),
    refusal(rabbit.returnedQueue, /for itself alone/),
  );
  await connection.close();
});

const withParts = (parts: Partial<Pick<URL, 'username' | 'password' | 'pathname'>>): string =>
  Object.assign(new URL(address('AMQP_URL')), parts).toString();

test('a wrong password, a vhost that is not there, and one without rights are told apart, at once, also by doctor', async (t) => {
  const closed = uniqueName();
  await management.addVhost(t, closed);
  const stranger = await management.addUser(t, uniqueName(), 'p', null);
  const cases: [url: string, remedy: RegExp][] = [
    [withParts({ password: 'wrong' }), /Check user and password in AMQP_URL/],
    [withParts({ pathname: '/nowhere' }), /There is no vhost "nowhere": create it/],
    [stranger, /has no rights in the vhost "\/": grant them/],
    [stranger.replace(/\/?$/, `/${closed}`), new RegExp(`has no rights in the vhost "${closed}"`)],
  ];
  for (const [amqpUrl, remedy] of cases) {
    await assert.rejects(connectOnce(amqpUrl, 'test', 10_000), refusal(remedy, /\*\*\*@/));
    const options = { url: amqpUrl, heartbeatMs: 10_000, name: 'test', log: silent };
    await assert.rejects(createPublisher(options), refusal(remedy));
    const [found] = await diagnoseRabbit(testConfig({ amqpUrl }));
    assert.match(found?.remedy ?? '', remedy);
  }
});

for (const [user, password] of [
  ['josé', 'sénha'],
  ['a+b', 'c+d%40'],
  ['u@host', 'p@ss/w:ord?#'],
  ['漢字', '100%'],
] as const) {
  test(`user ${user} with password ${password} gets in, percent-encoded, also into a vhost of that name`, async (t) => {
    const [name, vhost] = [`${user}-${uniqueName()}`, `${user}/${uniqueName()}`];
    await connected(t, await management.addUser(t, name, password, USE));
    await management.addVhost(t, vhost);
    await connected(t, await management.addUser(t, `${name}2`, password, USE, vhost));
  });
}

test('only a queue of which the broker says that there is none is not there', () => {
  const said = (text: string) =>
    isMissingQueue(
      new Error(
        `Operation failed: QueueDeclare; 404 (NOT-FOUND) with message "NOT_FOUND - ${text}"`,
      ),
    );
  assert.equal(said("no queue 'registrations' in vhost '/'"), true);
  // Of a classic queue, while the node that has it restarts.
  assert.equal(
    said(
      "home node 'rabbit@b' of durable queue 'registrations' in vhost '/' is down or inaccessible",
    ),
    false,
  );
  assert.equal(said("no exchange 'x' in vhost '/'"), false);
});
