/** A broker of a test's own, which it may kill, with TLS and users where the test wants them. */
import { spawn, spawnSync, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { mkdirSync, mkdtempSync, openSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { topicFacts } from '../../src/broker/kafka/admin.ts';
import type { Authority } from './certificates.ts';
import { eventually } from './eventually.ts';
import { kafkaOptions } from './kafka.ts';
import { atEnd, type Ending } from './servers.ts';

export const USER = { username: 'ana', password: 'a secret' };

export interface OwnKafka {
  /** By listener. */
  address: (name: Listener) => string;
  /** SIGKILL. Resolves when it is gone. */
  kill: () => Promise<void>;
  /** With the data it has. Resolves when it serves. */
  start: () => Promise<void>;
}

/** Any will do: whoever has it is one cluster. */
const CLUSTER = 'ZGVzcGFjaGFudGUta2Fma2';
const LISTENERS = ['PLAINTEXT', 'SSL', 'SASL_PLAINTEXT', 'SASL_SSL'] as const;
export type Listener = (typeof LISTENERS)[number];
const JVM = ['-Xmx256m', '-XX:+UseSerialGC', '-XX:TieredStopAtLevel=1'];

/** @param authority with one, there are listeners with TLS and with users as well */
export async function ownKafka(t: Ending, authority: Authority | null = null): Promise<OwnKafka> {
  const folder = mkdtempSync(join(tmpdir(), 'despachante-kafka-'));
  const listeners = authority === null ? (['PLAINTEXT'] as const) : LISTENERS;
  const [controller = 0, ...ports] = await freePorts(listeners.length + 1);
  const addresses = new Map<Listener, string>(
    listeners.map((name, index) => [name, `127.0.0.1:${ports[index]}`]),
  );
  const file = join(folder, 'server.properties');
  writeFileSync(file, properties(addresses, controller, folder, authority));
  const users = ['SCRAM-SHA-256', 'SCRAM-SHA-512'].flatMap((mechanism) => [
    '--add-scram',
    `${mechanism}=[name=${USER.username},password=${USER.password}]`,
  ]);
  const address = (name: Listener) => addresses.get(name) ?? '';
  const { start, kill } = brokerOf(folder, file, users, address('PLAINTEXT'));
  atEnd(t, async () => {
    await kill();
    rmSync(folder, { recursive: true });
  });
  await start();
  return { address, kill, start };
}

/** Brokers of one cluster, each a controller, too. Groups outlive any one of them; topics as they are made. Resolves when all serve. */
export async function ownCluster(t: Ending, count: number): Promise<OwnKafka[]> {
  const folder = mkdtempSync(join(tmpdir(), 'despachante-kafka-'));
  const ports = await freePorts(2 * count);
  const voters = ports.slice(count).map((port, index) => `${index + 1}@127.0.0.1:${port}`);
  const all = Array.from({ length: count }, (_, index) => {
    const own = join(folder, String(index + 1));
    mkdirSync(own);
    const file = join(own, 'server.properties');
    const at = `127.0.0.1:${ports[index]}`;
    const lines = properties(new Map([['PLAINTEXT', at]]), ports[count + index] ?? 0, own, null);
    // Of two lines with one name the last one holds.
    const more = [`node.id=${index + 1}`, `controller.quorum.voters=${voters.join()}`];
    writeFileSync(file, [lines, ...more, `offsets.topic.replication.factor=${count}`].join('\n'));
    return { ...brokerOf(own, file, [], at), address: () => at };
  });
  atEnd(t, async () => {
    await Promise.all(all.map(({ kill }) => kill()));
    rmSync(folder, { recursive: true });
  });
  await Promise.all(all.map(({ start }) => start()));
  return all;
}

/** Formats its data. */
function brokerOf(
  folder: string,
  file: string,
  users: string[],
  address: string,
): Pick<OwnKafka, 'kill' | 'start'> {
  const java = (...args: string[]) => [
    ...JVM,
    '-Dorg.slf4j.simpleLogger.defaultLogLevel=warn',
    ...['-cp', `${process.env['KAFKA_JARS']}/*`, ...args],
  ];
  const format = ['kafka.tools.StorageTool', 'format', '-t', CLUSTER, '-c', file];
  const formatted = spawnSync('java', java(...format, ...users), { encoding: 'utf8' });
  if (formatted.status !== 0) throw new Error(formatted.stderr);

  let broker: ChildProcess | null = null;
  const log = join(folder, 'broker.log');
  return {
    kill: async () => {
      const killed = broker;
      broker = null;
      if (killed === null || killed.exitCode !== null) return;
      killed.kill('SIGKILL');
      await once(killed, 'exit');
    },
    start: async () => {
      const output = openSync(log, 'a');
      const started = spawn('java', java('kafka.Kafka', file), {
        stdio: ['ignore', output, output],
      });
      broker = started;
      await eventually('the broker serves', async () => {
        if (started.exitCode !== null) throw new Error(readFileSync(log, 'utf8'));
        await topicFacts(kafkaOptions(address), ['none']);
      });
    },
  };
}

function properties(
  addresses: ReadonlyMap<Listener, string>,
  controller: number,
  folder: string,
  authority: Authority | null,
): string {
  const listeners = [...addresses].map(([name, address]) => `${name}://${address}`);
  return [
    'process.roles=broker,controller',
    'node.id=1',
    `controller.quorum.voters=1@127.0.0.1:${controller}`,
    `listeners=${[...listeners, `CONTROLLER://127.0.0.1:${controller}`].join()}`,
    'controller.listener.names=CONTROLLER',
    `log.dirs=${join(folder, 'data')}`,
    // Else the controller waits for the session of a broker that was killed, 9 s.
    'broker.session.timeout.ms=3000',
    'offsets.topic.replication.factor=1',
    'offsets.topic.num.partitions=1',
    'group.initial.rebalance.delay.ms=0',
    'auto.create.topics.enable=false',
    ...(authority === null ? [] : secured(folder, authority)),
  ].join('\n');
}

function secured(folder: string, authority: Authority): string[] {
  const { cert, key } = authority.issue('kafka');
  const store = join(folder, 'broker.pem');
  writeFileSync(store, `${key.toString()}\n${cert.toString()}`);
  const login = `username="${USER.username}" password="${USER.password}"`;
  const plain = `org.apache.kafka.common.security.plain.PlainLoginModule required ${login} user_${USER.username}="${USER.password}";`;
  const scram = `org.apache.kafka.common.security.scram.ScramLoginModule required;`;
  return [
    'listener.security.protocol.map=CONTROLLER:PLAINTEXT,PLAINTEXT:PLAINTEXT,SSL:SSL,SASL_PLAINTEXT:SASL_PLAINTEXT,SASL_SSL:SASL_SSL',
    'ssl.keystore.type=PEM',
    `ssl.keystore.location=${store}`,
    'sasl.enabled.mechanisms=PLAIN,SCRAM-SHA-256,SCRAM-SHA-512',
    ...['sasl_plaintext', 'sasl_ssl'].flatMap((name) => [
      `listener.name.${name}.plain.sasl.jaas.config=${plain}`,
      `listener.name.${name}.scram-sha-256.sasl.jaas.config=${scram}`,
      `listener.name.${name}.scram-sha-512.sasl.jaas.config=${scram}`,
    ]),
  ];
}

async function freePorts(count: number): Promise<number[]> {
  const servers = Array.from({ length: count }, () => createServer().listen(0, '127.0.0.1'));
  await Promise.all(servers.map((server) => once(server, 'listening')));
  const ports = servers.map((server) => {
    const address = server.address();
    return typeof address === 'object' && address !== null ? address.port : 0;
  });
  await Promise.all(servers.map((server) => once(server.close(), 'close')));
  return ports;
}
