import assert from 'node:assert/strict';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test, type TestContext } from 'node:test';
import { ConfigError } from '../../src/config/faults.ts';
import { readQueues } from '../../src/config/queues.ts';

function written(t: TestContext, text: string): string {
  const folder = mkdtempSync(join(tmpdir(), 'despachante-queues-'));
  t.after(() => rmSync(folder, { recursive: true }));
  const file = join(folder, 'queues.yaml');
  writeFileSync(file, text);
  return file;
}

function faultsOf(t: TestContext, text: string): string {
  const file = written(t, text);
  try {
    readQueues(file);
  } catch (error) {
    assert.ok(error instanceof ConfigError);
    return error.message.replaceAll(file, 'queues.yaml');
  }
  return assert.fail('there is no fault');
}

test("the template's own file is read as it stands", (t) => {
  const file = written(
    t,
    `queues:
  - name: my_queue
    type: rabbitmq
    broker_url: "localhost"
    port: 5671
    ssl: true
    ssl_context: null  # Configure o contexto SSL conforme necessário
    heartbeat: 600
    enable_consumer: true
    enable_publisher: true
`,
  );
  assert.deepEqual(readQueues(file), [
    {
      name: 'my_queue',
      url: 'amqps://localhost:5671',
      tls: { caFile: null, certFile: null, keyFile: null },
      heartbeatMs: 600_000,
      consumer: true,
      publisher: true,
      hasDeadLetters: true,
      worker: null,
      handler: null,
      type: 'rabbitmq',
    },
  ]);
});

test('an address may have a user, a password and a virtual host, and its own port counts', (t) => {
  const file = written(
    t,
    `queues:
  - { name: a, broker_url: 'amqp://user:p%40ss@broker/office' }
  - { name: b, broker_url: 'user:pass@broker:5999', port: 5672 }
  - { name: c, broker_url: 'amqps://broker', ssl_context: { ca_file: ca.pem } }
`,
  );
  assert.deepEqual(
    readQueues(file).map(({ url }) => url),
    [
      'amqp://user:p%40ss@broker:5672/office',
      'amqp://user:pass@broker:5999',
      'amqps://broker:5671',
    ],
  );
});

test('every fault is told at once, with its line and without what may be a password', (t) => {
  const told = faultsOf(
    t,
    `queues:
  - name: a
    type: redis
    port: many
    enableDlq: true
  - name: amq.b
    broker_url: "user:hunter2@ host"
`,
  );
  for (const each of [
    /queues\.yaml:3:11 {2}queues\.0\.type: expected one of rabbitmq/,
    /queues\.yaml:4:11 {2}queues\.0\.port: expected a whole number/,
    /queues\.yaml:5:5 {2}queues\.0\.enableDlq: expected one of the keys .*did you mean enable_dlq\?/,
    /queues\.yaml:6:11 {2}queues\.1\.name/,
    /queues\.yaml:7:17 {2}queues\.1\.broker_url/,
  ])
    assert.match(told, each);
  assert.doesNotMatch(told, /hunter2/);
});

test('two queues of one name, and certificates without TLS, are faults', (t) => {
  const told = faultsOf(
    t,
    `queues:
  - { name: a, ssl_context: { ca_file: ca.pem } }
  - { name: a, ssl: true, ssl_context: { cert_file: c.pem } }
`,
  );
  assert.match(told, /queues\.1\.name: expected a name that no other queue/);
  assert.match(told, /queues\.0\.ssl_context: expected ssl: true/);
  assert.match(told, /queues\.1\.ssl_context: expected cert_file and key_file, both or neither/);
});

test('a file that is not there is a fault where somebody names it', () => {
  assert.deepEqual(readQueues(undefined), []);
  assert.throws(() => readQueues('/nowhere/queues.yaml'), ConfigError);
});

test('a queue or topic with a handler needs no code, and its faults are told with the others', (t) => {
  const file = written(
    t,
    `queues:
  - name: orders
    handler: { type: http, url: "https://example.com/in", statuses: { 404: ack, 5xx: retry } }
  - name: events
    type: kafka
    handler: { url: "http://example.com" }
`,
  );
  const [queue, topic] = readQueues(file);
  assert.deepEqual(queue?.handler?.statuses, { '404': 'ack', '5xx': 'retry' });
  assert.equal(topic?.type, 'kafka');
  const faults = faultsOf(
    t,
    `queues:
  - name: orders
    handler: { type: http, url: "ftp://example.com", timeuot: 3s, statuses: { 404: drop } }
`,
  );
  assert.match(
    faults,
    /queues\.yaml:3:\d+ +queues\.0\.handler\.url: expected an http or https URL/,
  );
  assert.match(faults, /handler\.timeuot: expected one of the keys type, url/);
  assert.match(faults, /handler\.statuses\.404: expected one of ack, nack, retry, hold/);
  const alone = faultsOf(
    t,
    'queues:\n  - { name: events, type: kafka, broker_url: example.com }\n',
  );
  assert.match(alone, /queues\.0\.type: expected a handler beside it/);
  assert.match(alone, /queues\.0\.broker_url: expected nothing/);
});
