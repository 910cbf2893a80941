// RabbitMQ as a private node: own name, ports, epmd, cookie and folders, loopback only. A RabbitMQ that
// runs on this machine already is neither used nor disturbed.
import { existsSync, mkdirSync, realpathSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { locateBroker } from './brokers.mjs';
import { amqpAnswers, converse } from './health.mjs';
import { buildEnvironment, findProgram } from './paths.mjs';
import { endServer, spawnServer } from './processes.mjs';

export const rabbitmq = {
  name: 'rabbitmq',
  variable: 'AMQP_URL',
  portNames: ['amqp', 'web', 'distribution', 'epmd'],
  startMs: 120_000,

  locate: locateBroker,

  async launch(ctx, { kind, program, path }, ports, { data, log, track }) {
    const mnesia = kind === 'any' ? 'mnesia' : `mnesia-${kind}`;
    for (const folder of ['home', mnesia, 'log', 'config'])
      mkdirSync(join(data, folder), { recursive: true });
    writeFileSync(join(data, 'config', 'rabbitmq.conf'), configuration(ports));
    writeFileSync(join(data, 'config', 'enabled_plugins'), '[rabbitmq_management].\n');
    const env = {
      ...buildEnvironment(ctx.env), // nothing that would reach into the server, and none of our secrets
      PATH: path,
      HOME: join(data, 'home'), // the cookie
      ERL_EPMD_PORT: String(ports.epmd),
      ERL_EPMD_ADDRESS: '127.0.0.1',
      RABBITMQ_NODENAME: `despachante-${ctx.instance}@localhost`,
      RABBITMQ_DIST_PORT: String(ports.distribution),
      RABBITMQ_CONF_ENV_FILE: join(data, 'config', 'none'), // not the machine's own rabbitmq-env.conf
      RABBITMQ_CONFIG_FILE: join(data, 'config', 'rabbitmq.conf'),
      RABBITMQ_ADVANCED_CONFIG_FILE: join(data, 'config', 'advanced.config'),
      RABBITMQ_ENABLED_PLUGINS_FILE: join(data, 'config', 'enabled_plugins'),
      RABBITMQ_GENERATED_CONFIG_DIR: join(data, 'config', 'generated'),
      RABBITMQ_MNESIA_BASE: join(data, mnesia),
      RABBITMQ_LOG_BASE: join(data, 'log'),
      RABBITMQ_LOGS: join(data, 'log', 'rabbitmq.log'),
      RABBITMQ_SERVER_ADDITIONAL_ERL_ARGS: '-kernel inet_dist_use_interface {127,0,0,1}',
      RUNNING_UNDER_SYSTEMD: 'true', // the script then becomes the Erlang VM: our pid is the server's
    };
    const epmd = findEpmd(path);
    if (epmd)
      // Our own epmd in the foreground: one that Erlang starts by itself would stay behind.
      track(
        await spawnServer(
          'epmd',
          epmd,
          ['-port', String(ports.epmd), '-address', '127.0.0.1', '-relaxed_command_check'],
          { env, cwd: data, log },
        ),
      );
    track(await spawnServer('rabbitmq', program, [], { env, cwd: data, log }));
  },

  check: (addresses) => amqpAnswers(addresses.AMQP_URL),

  addresses: (ports) => ({
    AMQP_URL: `amqp://guest:guest@127.0.0.1:${ports.amqp}`,
    RABBITMQ_WEB_URL: `http://127.0.0.1:${ports.web}`,
  }),

  async end(record) {
    for (const one of [...record.processes].reverse()) await endServer(one);
    // RabbitMQ starts an epmd when it misses one; that one is not ours by number, but by port.
    const kill = Buffer.from('\0\x01k');
    await converse('127.0.0.1', record.ports.epmd, kill, (answer) => answer, 1000).catch(
      () => undefined,
    );
  },
};

function findEpmd(path) {
  const direct = findProgram('epmd', { PATH: path });
  if (direct) return direct;
  const erl = findProgram('erl', { PATH: path });
  const beside = erl && join(dirname(realpathSync(erl)), 'epmd');
  return beside && existsSync(beside) ? beside : undefined;
}

function configuration(ports) {
  return `# Written at each start; changes here are lost.
listeners.tcp.local = 127.0.0.1:${ports.amqp}
management.tcp.ip = 127.0.0.1
management.tcp.port = ${ports.web}
log.file.level = info
log.console = false
`;
}
