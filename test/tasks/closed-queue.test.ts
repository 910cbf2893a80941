// Queues of other brokers and closed ones, as the file of queues has them.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { isUnpublishable } from '../../src/broker/rabbitmq/publisher.ts';
import { waitingIn } from '../../src/operations/worker-counts.ts';
import { openPublishers } from '../../src/tasks/publishers.ts';
import { silent } from '../../src/runtime/log.ts';
import { testConfig } from '../helpers/configuration.ts';
import { address, uniqueName } from '../helpers/servers.ts';

const from = { broker: 'rabbitmq', name: uniqueName() } as const;

test('a message to a queue that the settings close is never published, and not tried again', async () => {
  const queue = {
    ...{
      name: from.name,
      url: 'amqp://localhost:1',
      heartbeatMs: 1_000,
      type: 'rabbitmq' as const,
      handler: null,
      worker: null,
    },
    tls: { caFile: null, certFile: null, keyFile: null },
    ...{ consumer: true, publisher: false, hasDeadLetters: true },
  };
  const publishers = openPublishers(testConfig(), [queue], silent);
  const message = { to: from, body: Buffer.from('{}'), key: null, messageId: 'm-1' };
  await assert.rejects(publishers.publish(message, 'A test'), (error: unknown) => {
    assert.ok(isUnpublishable(error));
    assert.match(error.message, /enable_publisher is false/);
    return true;
  });
  await publishers.close();
});

test('nobody says 0 of a queue whose broker is not known here, or that does not exist', async () => {
  const config = testConfig({ amqpUrl: address('AMQP_URL') });
  await assert.rejects(
    waitingIn(config, 'Sample', { from, ofFile: true }),
    /stands in queues\.yaml of the process that runs it/,
  );
  await assert.rejects(waitingIn(config, 'Sample', { from, ofFile: false }), /has no queue/);
});
