// What a configuration tells of itself never holds a secret, wherever somebody has put one.
import assert from 'node:assert/strict';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, test } from 'node:test';
import fc from 'fast-check';
import { stringify } from 'yaml';
import { ConfigError } from '../src/config-faults.ts';
import { configJson, configTable } from '../src/config-report.ts';
import { DEFAULTS } from '../src/config-schema.ts';
import { leaves } from '../src/config-tree.ts';
import { loadConfig } from '../src/config.ts';
import type { Environment } from '../src/config-env.ts';

const folder = mkdtempSync(join(tmpdir(), 'despachante-secrets-'));
after(() => rmSync(folder, { recursive: true }));
const file = join(folder, 'despachante.yaml');

/** All that a person is told of it, by a fault or by `despachante config`. */
function told(tree: unknown, env: Environment = {}): string {
  writeFileSync(file, stringify(tree));
  try {
    const loaded = loadConfig({ env, file });
    return configTable(loaded, false) + JSON.stringify(configJson(loaded));
  } catch (error) {
    assert.ok(error instanceof ConfigError, String(error));
    return error.message + JSON.stringify(error.faults);
  }
}

const KEY = Buffer.alloc(32, 7).toString('base64');

test('an encryption key in any place of the file is not repeated', () => {
  const paths = [...leaves(DEFAULTS).map(([path]) => path), ...Object.keys(DEFAULTS)];
  for (const path of [...paths, 'encryption.keys', 'encryption.k1', 'legacy.submitStatuses.429']) {
    const tree = (text: string) =>
      path.split('.').reduceRight<unknown>((below, key) => ({ [key]: below }), text);
    assert.ok(!told(tree(`k1:${KEY}`)).includes(KEY.slice(0, 12)), path);
    // Without its id it may be the name of a queue, where there is one.
    if (/^(encryption|log)\b/.test(path)) {
      assert.ok(!told(tree(KEY)).includes(KEY.slice(0, 12)), path);
    }
  }
  assert.ok(!told({ encryption: { [`k1:${KEY}`]: null } }).includes(KEY.slice(0, 12)));
  assert.ok(!told({ [KEY]: 1 }).includes(KEY.slice(0, 12)));
  assert.ok(!told({}, { DESPACHANTE_ENCRYPTION_KEY_FILE: `k1:${KEY}` }).includes(KEY.slice(0, 12)));
});

test('no fault repeats what stands in the place of a secret, an address, a section or a name', () => {
  const secret = 'hunter2';
  for (const tree of [
    { rabbit: secret },
    { rabbit: [secret] },
    { temporal: { apiKey: secret } },
    { mongodb: { password: secret } },
    { rabbit: { intakeQueue: `${secret}\n` } },
    { legacy: { submitPath: secret } },
    { legacy: { requestIdPattern: `^(${secret}` } },
    { encryption: { mode: `k1:${secret}${'x'.repeat(30)}` } },
    { encryptionKeys: secret },
    secret,
  ]) {
    assert.ok(!told(tree).includes(secret), JSON.stringify(tree));
  }
  for (const [name, value] of [
    ['AMQP_URL', `amqp://user:${secret}`],
    ['AMQP_URL', `amqp://user:${secret}/vhost`],
    ['AMQP_URL', `amqp:${secret}`],
    ['MONGODB_URI', `mongodb://user:${secret}`],
    ['MONGODB_URI', `mongodb://user:${secret}/db?replicaSet=rs0`],
    ['MONGODB_URI', `mongodb://user:se/${secret}`],
    ['MONGODB_URI', `mongodb://store/db?pwd=${secret}`],
    ['LEGACY_URL', `http://user:${secret}`],
    ['LEGACY_URL', `http://legacy/?sig=${secret}`],
    ['TEMPORAL_WEB_URL', `http://user:${secret}@web`],
    ['TEMPORAL_WEB_URL', `localhost:${secret}`],
    ['TEMPORAL_CODEC_URL', `http://127.0.0.1:1/${secret}${secret}${secret}`],
    ['TEMPORAL_ADDRESS', `user:${secret}`],
  ] as const) {
    assert.ok(!told({}, { [name]: value }).includes(secret), value);
  }
});

test('a number, a duration or a word that is wrong is repeated, since it is no secret', () => {
  assert.match(told({ intake: { batchSize: 'many' } }), /got "many"/);
  assert.match(told({ legacy: { deadline: '1y' } }), /got "1y"/);
  assert.match(told({ log: { level: 'loud' } }), /got "loud"/);
  assert.match(told({ intake: { batchSize: 501 } }), /got 501/);
});

test('an address of Temporal Web without a scheme is refused, with an example', () => {
  assert.match(
    told({}, { TEMPORAL_WEB_URL: 'localhost:8233' }),
    /TEMPORAL_WEB_URL.*expected an address such as http:\/\/localhost:8233/,
  );
});

test('certificates that are not checked are seen in whatever letters the driver would read', () => {
  for (const parameter of [
    'tls%49nsecure=true',
    'TLSINSECURE=true',
    '%74lsInsecure=1',
    'tlsinsecure=yes',
    'tlsInsecure=%74rue',
    'tlsAllowInvalidCertificates=t',
    'tlsAllowInvalid%48ostnames=true',
    'x=1&tlsInsecure=false&tlsInsecure=true',
  ]) {
    const env = { MONGODB_URI: `mongodb://store/db?tls=true&${parameter}` };
    const { warnings } = loadConfig({ env });
    assert.match(warnings.join(), /MONGODB_URI.*INSECURE/, parameter);
    const production = { ...env, NODE_ENV: 'production', ENCRYPTION_KEYS: `k1:${KEY}` };
    assert.throws(() => loadConfig({ env: production }), /INSECURE/, parameter);
  }
  const env = { MONGODB_URI: 'mongodb://store/db?tlsInsecure=false&appName=tlsInsecure' };
  assert.deepEqual(loadConfig({ env }).warnings, []);
});

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
