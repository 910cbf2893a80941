// What the environment of a container brings along that nobody has written for us, or written in another way.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { ConfigError } from '../../src/config/faults.ts';
import { DEFAULTS } from '../../src/config/schema.ts';
import { loadConfig } from '../../src/config/load.ts';
import { environmentNames } from '../../src/config/environment.ts';
import type { Environment } from '../../src/config/tree.ts';

test('a value in quotes, as "docker --env-file" passes it on, is refused with the remedy, whichever variable it is', () => {
  const names = environmentNames.filter((name) => name !== 'DESPACHANTE_CONFIG');
  for (const name of [...names, 'NODE_ENV']) {
    for (const quoted of ['"Bearer hunter2"', "'Bearer hunter2'", '""']) {
      const { faults } = assertFaults({ [name]: quoted });
      assert.deepEqual(
        faults.map(({ where }) => where),
        [`environment ${name}`],
        `${name}=${quoted}`,
      );
      assert.match(faults[0]?.hint ?? '', /remove the quotes/);
      assert.doesNotMatch(JSON.stringify(faults), /hunter2/);
    }
  }
  assert.match(
    assertFaults({ LEGACY_AUTHORIZATION: '"Bearer hunter2"' }).message,
    /^environment LEGACY_AUTHORIZATION {2}legacyAuthorization: expected .*, got text in quotes \(remove the quotes/m,
  );
  for (const text of ['Bearer "x"', '"a" and "b" of it', 'x"']) {
    assert.equal(
      loadConfig({ env: { LEGACY_AUTHORIZATION: text } }).config.legacyAuthorization,
      text,
    );
  }
});

function assertFaults(env: Environment): ConfigError {
  try {
    loadConfig({ env });
  } catch (error) {
    assert.ok(error instanceof ConfigError, String(error));
    return error;
  }
  assert.fail(`no fault was found in ${JSON.stringify(env)}`);
}

test('variables that Kubernetes sets for a Service are not ours, and are told once', () => {
  const linksOf = (service: string, port = '9464') => ({
    [`${service}_SERVICE_HOST`]: '10.96.0.12',
    [`${service}_SERVICE_PORT`]: port,
    [`${service}_SERVICE_PORT_HTTP_METRICS`]: port,
    [`${service}_PORT`]: `tcp://10.96.0.12:${port}`,
    [`${service}_PORT_${port}_TCP`]: `tcp://10.96.0.12:${port}`,
    [`${service}_PORT_${port}_TCP_PROTO`]: 'tcp',
    [`${service}_PORT_${port}_TCP_PORT`]: port,
    [`${service}_PORT_${port}_TCP_ADDR`]: '10.96.0.12',
    [`${service}_PORT_53_UDP`]: 'udp://[fd00::12]:53',
  });
  for (const service of [
    'DESPACHANTE',
    'DESPACHANTE_INTAKE',
    'DESPACHANTE_HEALTH',
    'DESPACHANTE_HEALTH_INTAKE',
    'DESPACHANTE_LEGACY',
  ]) {
    const { config, warnings } = loadConfig({ env: linksOf(service) });
    assert.deepEqual(config, DEFAULTS, service);
    assert.equal(warnings.length, 1, service);
    assert.match(warnings[0] ?? '', /9 more|8 more/);
  }
  for (const service of ['LEGACY', 'AMQP', 'RABBITMQ', 'MONGODB', 'TEMPORAL', 'TEMPORAL_WEB']) {
    const { config, warnings } = loadConfig({ env: linksOf(service) });
    assert.deepEqual([config, warnings], [DEFAULTS, []], service);
  }
});

test('variables that Docker sets for a link are not ours, whatever the other container has in its environment', () => {
  const linksOf = (alias: string) => ({
    [`${alias}_NAME`]: '/web/despachante',
    [`${alias}_PORT`]: 'tcp://172.17.0.5:5672',
    [`${alias}_PORT_5672_TCP`]: 'tcp://172.17.0.5:5672',
    [`${alias}_PORT_5672_TCP_ADDR`]: '172.17.0.5',
    [`${alias}_PORT_5672_TCP_PORT`]: '5672',
    [`${alias}_PORT_5672_TCP_PROTO`]: 'tcp',
    // Of ports that follow each other.
    [`${alias}_PORT_5672_TCP_START`]: 'tcp://172.17.0.5:5672',
    [`${alias}_PORT_5672_TCP_END`]: 'tcp://172.17.0.5:5680',
    [`${alias}_PORT_5672_TCP_PORT_START`]: '5672',
    [`${alias}_PORT_5672_TCP_PORT_END`]: '5680',
    [`${alias}_ENV_NODE_ENV`]: 'production',
    [`${alias}_ENV_NODE_VERSION`]: '22.1.0',
    [`${alias}_ENV_npm_config_cache`]: '"/cache"',
    [`${alias}_ENV_DESPACHANTE_LOG_LEVEL`]: 'loud',
    [`${alias}_ENV_AMQP_URL`]: 'amqp://user:secret@broker',
  });
  for (const alias of [
    'DESPACHANTE',
    'DESPACHANTE_INTAKE',
    'DESPACHANTE_HEALTH',
    'DESPACHANTE_1',
  ]) {
    const { config, warnings } = loadConfig({ env: linksOf(alias) });
    assert.deepEqual(config, DEFAULTS, alias);
    assert.equal(warnings.length, 1, alias);
    assert.match(warnings[0] ?? '', /and 14 more are not read: .*Docker/);
    assert.doesNotMatch(warnings.join(), /secret/);
  }
  for (const alias of ['LEGACY', 'AMQP', 'RABBITMQ', 'MONGODB', 'MONGO', 'TEMPORAL']) {
    const { config, warnings } = loadConfig({ env: linksOf(alias) });
    assert.deepEqual([config, warnings], [DEFAULTS, []], alias);
  }
  // Such a name says enough, so none of ours may look like it.
  assert.deepEqual(
    environmentNames.filter((name) => name.includes('_ENV_')),
    [],
  );
});

test('a variable of ours that is only like those is still told as a mistake', () => {
  for (const env of [
    { DESPACHANTE_PORT: '9464' },
    { DESPACHANTE_SERVICE_PORT: 'http' },
    { DESPACHANTE_NAME: 'office' },
  ]) {
    assert.throws(() => loadConfig({ env }), ConfigError);
  }
  assert.equal(
    loadConfig({ env: { DESPACHANTE_HEALTH_INTAKE_PORT: '9999' } }).config.health.intakePort,
    9999,
  );
});

test('whatever ports a Service has, its variables change nothing', () => {
  fc.assert(
    fc.property(
      fc.constantFrom('DESPACHANTE', 'DESPACHANTE_WORKER', 'TEMPORAL', 'LEGACY'),
      fc.integer({ min: 1, max: 65_535 }),
      fc.constantFrom('TCP', 'UDP', 'SCTP'),
      (service, port, protocol) => {
        const url = `${protocol.toLowerCase()}://10.0.0.1:${port}`;
        const env = { [`${service}_PORT`]: url, [`${service}_PORT_${port}_${protocol}`]: url };
        assert.deepEqual(loadConfig({ env }).config, DEFAULTS);
      },
    ),
  );
});
