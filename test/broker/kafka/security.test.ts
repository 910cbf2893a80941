import assert from 'node:assert/strict';
import { after, test } from 'node:test';
import type { KafkaOptions, Sasl } from '../../../src/broker/kafka/connection.ts';
import { openKafkaPublisher } from '../../../src/broker/kafka/publisher.ts';
import { BrokerRefusal } from '../../../src/broker/refusals.ts';
import { DEFAULTS } from '../../../src/config/schema.ts';
import { defineWorker, kafka as inKafka } from '../../../src/index.ts';
import { setUpTasks } from '../../../src/operations/send-task.ts';
import { certificateAuthority } from '../../helpers/certificates.ts';
import { testConfig } from '../../helpers/configuration.ts';
import { kafkaOptions, noOwnKafka, testSource, testTopic } from '../../helpers/kafka.ts';
import { USER, ownKafka, type Listener } from '../../helpers/own-kafka.ts';
import { atEnd, uniqueName } from '../../helpers/servers.ts';

const MECHANISMS: Sasl['mechanism'][] = ['PLAIN', 'SCRAM-SHA-256', 'SCRAM-SHA-512'];

const skip = noOwnKafka;
const authority = skip === false ? certificateAuthority({ after }) : null;
const broker = authority === null ? null : await ownKafka({ after }, authority);
const addressOf = (listener: Listener): string => broker?.address(listener) ?? '';

const options = (
  listener: Listener,
  sasl: Sasl | null,
  caFile: string | null = authority?.caFile ?? null,
): KafkaOptions => ({
  ...kafkaOptions(addressOf(listener)),
  tls: listener.endsWith('SSL') ? { caFile, certFile: null, keyFile: null } : null,
  sasl,
});

for (const mechanism of MECHANISMS) {
  test(`a user is let in by ${mechanism}, with TLS and without`, { skip }, async (t) => {
    for (const listener of ['SASL_PLAINTEXT', 'SASL_SSL'] as const) {
      const place = await testTopic(t, { kafka: options(listener, { ...USER, mechanism }) });
      await place.send('a');
      const { handed } = await testSource(t, place);
      assert.deepEqual(await handed(1), ['a']);
    }
  });
}

test('TLS with a private CA carries messages', { skip }, async (t) => {
  const place = await testTopic(t, { kafka: options('SSL', null) });
  await place.send('a');
  const { handed } = await testSource(t, place);
  assert.deepEqual(await handed(1), ['a']);
});

const refusals: [string, () => KafkaOptions, RegExp, boolean][] = [
  ...MECHANISMS.map((mechanism): (typeof refusals)[number] => [
    `a wrong password by ${mechanism}`,
    () => options('SASL_SSL', { ...USER, mechanism, password: 'another' }),
    new RegExp(
      `Check KAFKA_USERNAME \\("ana"\\), KAFKA_PASSWORD and kafka.saslMechanism \\(${mechanism}\\)`,
    ),
    true,
  ]),
  [
    'a CA that is not trusted',
    () => options('SSL', null, null),
    /not from a CA that we trust: give that CA's certificate in kafka\.tls\.caFile/,
    true,
  ],
  [
    'a port with TLS, spoken to without',
    () => ({ ...options('SSL', null), tls: null }),
    /Set kafka\.ssl: true, or give the port without TLS/,
    true,
  ],
  [
    'a port without TLS, spoken to with it',
    () => ({ ...options('SSL', null), bootstrapServers: [addressOf('PLAINTEXT')] }),
    /Cannot ask for metadata of Kafka at 127\.0\.0\.1/,
    false,
  ],
];
const withRemedy =
  (words: RegExp, isFinal: boolean) =>
  (error: unknown): true => {
    assert.ok(error instanceof Error);
    assert.match(error.message, words);
    assert.doesNotMatch(error.message, /another|a secret/);
    assert.equal(error instanceof BrokerRefusal, isFinal);
    return true;
  };

for (const [name, of, words, isFinal] of refusals) {
  test(`${name} is told with the remedy`, { skip }, async (t) => {
    const publisher = openKafkaPublisher(of());
    atEnd(t, () => publisher.close());
    await assert.rejects(publisher.check(), withRemedy(words, isFinal));
    // What is of no use to try again ends the start.
    if (!isFinal) return;
    const place = { kafka: of(), topic: 'emails', group: 'senders' };
    await assert.rejects(testSource(t, place), withRemedy(words, true));
  });
}

/** As the settings say it. */
const setUp = ({ bootstrapServers, tls, sasl }: KafkaOptions) => {
  const topic = uniqueName();
  const worker = defineWorker({ name: 'Sample', from: inKafka(topic), handle: () => null });
  const config = testConfig({
    kafka: {
      ...{ ...DEFAULTS.kafka, enabled: true, ssl: tls !== null },
      ...(tls === null ? {} : { tls }),
      ...(sasl === null ? {} : { saslMechanism: sasl.mechanism }),
    },
    kafkaBootstrapServers: bootstrapServers.join(),
    ...{ kafkaUsername: sasl?.username ?? null, kafkaPassword: sasl?.password ?? null },
  });
  return setUpTasks(config, [], [worker], { partitions: 1, replicationFactor: -1 });
};

test('topics are made over TLS for a user, by the settings', { skip }, async () => {
  for (const mechanism of MECHANISMS) {
    const made = await setUp(options('SASL_SSL', { ...USER, mechanism }));
    assert.deepEqual(
      made.map(({ was }) => was),
      ['created', 'created'],
    );
  }
});

for (const [name, of, words, isFinal] of refusals.filter(([, , , each]) => each))
  test(`${name} is told with the remedy when topics are made`, { skip }, async () => {
    await assert.rejects(setUp(of()), withRemedy(words, isFinal));
  });
