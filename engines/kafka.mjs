// Kafka as a private broker that is its own controller (KRaft): own ports and folders, loopback only. Started only when asked for.
import { existsSync, mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { cached } from './cache.mjs';
import { converse } from './health.mjs';
import { fetchJars, missingTool } from './maven.mjs';
import { buildEnvironment, findProgram } from './paths.mjs';
import { endServer, runTool, spawnServer } from './processes.mjs';

const VERSION = '4.1.1';
/** Any will do: whoever has it is one cluster. */
const CLUSTER = 'ZGVzcGFjaGFudGUta2Fma2';
/** A quick start and little memory matter more than a quick run. */
const JVM = ['-Xmx256m', '-XX:+UseSerialGC', '-XX:TieredStopAtLevel=1'];

export const kafka = {
  name: 'kafka',
  variable: 'KAFKA_BOOTSTRAP_SERVERS',
  portNames: ['broker', 'controller'],
  startMs: 60_000,
  local: true, // no service of docker-compose.yml

  async locate(ctx) {
    const name = `kafka-${VERSION}`;
    const jars = join(ctx.cache, name, 'jars');
    const tool = missingTool(ctx);
    if (tool === 'java' || (tool && !existsSync(jars)))
      throw new Error(
        `Kafka is missing: KAFKA_BOOTSTRAP_SERVERS is not given, and to fetch and run it "${tool}" is missing.
  Remedy, any one of: install Java 17 or newer and Maven (Debian: apt install default-jre-headless maven), or give KAFKA_BOOTSTRAP_SERVERS=host:port of a running one.`,
      );
    await cached(ctx, name, {
      file: 'jars',
      label: `fetching Kafka ${VERSION} with Maven`,
      estimate: 'about 30 s',
      build: (folder, log) =>
        fetchJars(ctx, folder, log, {
          // Without a log binding a setting that is wrong ends the broker in silence.
          artifacts: [`org.apache.kafka:kafka_2.13:${VERSION}`, 'org.slf4j:slf4j-simple:1.7.36'],
          lock: 'engines/kafka.lock.txt',
        }),
    });
    return { how: 'cache', jars };
  },

  async launch(ctx, { jars }, ports, { data, log, track }) {
    mkdirSync(data, { recursive: true });
    const file = join(data, 'server.properties');
    writeFileSync(file, properties(ports, join(data, 'log')));
    const java = findProgram('java', ctx.env);
    const classPath = ['-cp', `${jars}/*`];
    const options = { env: buildEnvironment(ctx.env), cwd: data, log };
    const format = ['format', '-t', CLUSTER, '-c', file, '--ignore-formatted'];
    await runTool(java, [...JVM, ...classPath, 'kafka.tools.StorageTool', ...format], {
      ...options,
      signal: ctx.signal,
    });
    const program = ['-Dorg.slf4j.simpleLogger.defaultLogLevel=warn', 'kafka.Kafka', file];
    track(await spawnServer('kafka', java, [...JVM, ...classPath, ...program], options));
  },

  /** ApiVersions, which a broker answers once it serves. */
  async check({ KAFKA_BOOTSTRAP_SERVERS: servers }) {
    const { hostname, port } = new URL(`tcp://${servers.split(',')[0]}`);
    const request = Buffer.from('\0\0\0\x0a\0\x12\0\0\0\0\0\x01\xff\xff', 'latin1');
    return converse(hostname, Number(port || 9092), request, (answer) =>
      answer.length < 8 ? undefined : { version: VERSION },
    );
  },

  /** KAFKA_JARS: for tests that start brokers of their own. */
  addresses: (ports, found) => ({
    KAFKA_BOOTSTRAP_SERVERS: `127.0.0.1:${ports.broker}`,
    ...(found && { KAFKA_JARS: found.jars }),
  }),

  async end(record) {
    for (const one of record.processes) await endServer(one);
  },
};

/** After a kill the controller waits for the old session of its broker, 9 s unless it is told otherwise. */
const properties = (ports, folder) => `# Written at each start; changes here are lost.
process.roles=broker,controller
node.id=1
controller.quorum.voters=1@127.0.0.1:${ports.controller}
listeners=PLAINTEXT://127.0.0.1:${ports.broker},CONTROLLER://127.0.0.1:${ports.controller}
controller.listener.names=CONTROLLER
log.dirs=${folder}
broker.session.timeout.ms=3000
offsets.topic.replication.factor=1
offsets.topic.num.partitions=4
transaction.state.log.replication.factor=1
transaction.state.log.min.isr=1
group.initial.rebalance.delay.ms=0
auto.create.topics.enable=false
`;
