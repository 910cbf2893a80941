/**
 * TLS towards each neighbour, with a private CA. The servers are the plain ones of all tests, behind proxies that speak TLS.
 */
import assert from 'node:assert/strict';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { after, afterEach, test } from 'node:test';
import { DEFAULTS } from '../../src/config/schema.ts';
import type { Config } from '../../src/config/schema.ts';
import { run } from '../commands/cli.ts';
import { certificateAuthority } from '../helpers/certificates.ts';
import { flowOf } from '../helpers/flow.ts';
import { address, uniqueName } from '../helpers/servers.ts';
import { startSystem } from '../helpers/system.ts';
import { tlsProxy } from '../helpers/tls-proxy.ts';

const scope = { after, afterEach };
const ours = certificateAuthority(scope);
const foreign = certificateAuthority(scope);
const server = ours.issue('server');
const client = ours.issue('client');
const stranger = foreign.issue('stranger');
const elsewhere = ours.issue('elsewhere', 'DNS:elsewhere.example');

const system = await startSystem(scope, { roles: [] });
const flow = flowOf(system);

type Neighbour = 'rabbit' | 'mongodb' | 'temporal' | 'legacy';
const neighbours: Neighbour[] = ['rabbit', 'mongodb', 'temporal', 'legacy'];

const targetOf = (url: string) => {
  const { hostname: host, port } = new URL(url);
  return { host, port: Number(port) };
};
const targets: Record<Neighbour, { host: string; port: number }> = {
  rabbit: targetOf(address('AMQP_URL')),
  mongodb: targetOf(address('MONGODB_URI')),
  temporal: targetOf(`tcp://${system.config.temporalAddress}`),
  legacy: targetOf(system.env['LEGACY_URL'] ?? ''),
};

/** Proxies in front of all four, and the addresses that lead through them. */
async function behindTls(
  options: { mutual?: boolean; certificate?: typeof server } = {},
): Promise<Record<string, string>> {
  const { cert, key } = options.certificate ?? server;
  const { mutual = false } = options;
  const port = async (neighbour: Neighbour): Promise<number> =>
    tlsProxy(scope, {
      target: targets[neighbour],
      cert,
      key,
      ca: ours.ca,
      mutual,
      ...(neighbour === 'temporal' ? { protocols: ['h2'] } : {}),
    });
  const amqp = new URL(address('AMQP_URL'));
  amqp.protocol = 'amqps:';
  amqp.host = `127.0.0.1:${await port('rabbit')}`;
  const mongo = new URL(address('MONGODB_URI'));
  mongo.host = `127.0.0.1:${await port('mongodb')}`;
  mongo.searchParams.set('tls', 'true');
  mongo.searchParams.set('directConnection', 'true');
  mongo.searchParams.delete('replicaSet');
  mongo.searchParams.set('serverSelectionTimeoutMS', '3000');
  return {
    AMQP_URL: amqp.toString(),
    MONGODB_URI: mongo.toString(),
    TEMPORAL_ADDRESS: `127.0.0.1:${await port('temporal')}`,
    LEGACY_URL: `https://127.0.0.1:${await port('legacy')}`,
    DESPACHANTE_TEMPORAL_TLS_ENABLED: 'true',
  };
}

const filesFor = (name: 'CA_FILE' | 'CERT_FILE' | 'KEY_FILE', file: string) =>
  Object.fromEntries(
    neighbours.map((each) => [`DESPACHANTE_${each.toUpperCase()}_TLS_${name}`, file]),
  );
const trusting = filesFor('CA_FILE', ours.caFile);
const certified = (certificate: typeof client) => ({
  ...filesFor('CERT_FILE', certificate.certFile),
  ...filesFor('KEY_FILE', certificate.keyFile),
});

/** What the doctor says of each neighbour that cannot be reached. */
async function unreachable(env: Record<string, string>): Promise<Map<string, string>> {
  const { stdout, stderr } = await run(['doctor', '--json'], {
    cwd: system.folder,
    env: { ...system.env, ...env, DESPACHANTE_LEGACY_TIMEOUT: '10s' },
  });
  const found = new Map<string, string>();
  const { patients } = JSON.parse(stdout || `{"error": ${JSON.stringify(stderr)}}`) as {
    patients: { name: string; found: { check: string; state: string; remedy: string | null }[] }[];
  };
  for (const { name, found: checks } of patients) {
    const bad = checks.find(({ check, state }) => check === 'reachable' && state === 'unwell');
    if (bad !== undefined) found.set(name, bad.remedy ?? '');
  }
  return found;
}

const names: Record<Neighbour, string> = {
  rabbit: 'RabbitMQ',
  mongodb: 'MongoDB',
  temporal: 'Temporal',
  legacy: 'Legacy system',
};

async function eachIsToldAbout(env: Record<string, string>, remedy: (name: Neighbour) => RegExp) {
  const found = await unreachable(env);
  for (const each of neighbours) assert.match(found.get(names[each]) ?? 'well', remedy(each), each);
}

test('with the CA and a certificate of our own everything works over mutual TLS', async () => {
  const env = { ...(await behindTls({ mutual: true })), ...trusting, ...certified(client) };
  assert.deepEqual(await unreachable(env), new Map());
  for (const role of ['worker', 'intake'] as const) await system.start(role, env);
  const prefix = uniqueName();
  await flow.publishMany(prefix, 20);
  await flow.publish({ id: `${prefix}-bad`, simulate: { refuse: 'no' } });
  await flow.allRegistered(`${prefix}-1`, 11);
  assert.equal(await flow.outcomeOf(`${prefix}-bad`), 'rejected');
  for (const role of ['worker', 'intake'] as const) await system.stop(role);
});

test('a server whose CA we do not know is refused, and the doctor says where to name it', async () => {
  const env = await behindTls();
  const told = (name: Neighbour) => new RegExp(`CA.*${name}\\.tls\\.caFile`);
  await Promise.all([
    eachIsToldAbout(env, told),
    eachIsToldAbout({ ...env, ...filesFor('CA_FILE', foreign.caFile) }, told),
  ]);
});

test('a certificate for another name is refused, unless Temporal is to have that name', async () => {
  const env = { ...(await behindTls({ certificate: elsewhere })), ...trusting };
  const named = { ...env, DESPACHANTE_TEMPORAL_TLS_SERVER_NAME: 'elsewhere.example' };
  const [, found] = await Promise.all([
    eachIsToldAbout(env, () => /is for another name/),
    unreachable(named),
  ]);
  assert.ok(!found.has('Temporal'));
});

test('who demands a certificate of ours is not reached without one', async () => {
  const env = { ...(await behindTls({ mutual: true })), ...trusting };
  const all = Object.values(names).sort();
  for (const found of await Promise.all([
    unreachable(env),
    unreachable({ ...env, ...certified(stranger) }),
  ])) {
    assert.deepEqual([...found.keys()].sort(), all);
  }
});

test('the log of a process that cannot connect says what is wrong, and no password', async () => {
  const env = await behindTls();
  const tells = async (changed: Record<string, string>, told: RegExp): Promise<void> => {
    const { code, stderr } = await run(['worker', '--port', '0'], {
      cwd: system.folder,
      env: { ...system.env, ...changed },
    });
    assert.equal(code, 1);
    assert.match(stderr, told);
  };
  const { MONGODB_URI = '', TEMPORAL_ADDRESS = '' } = env;
  await Promise.all([
    tells({ MONGODB_URI }, /MongoDB.*mongodb\.tls\.caFile/),
    tells(
      { TEMPORAL_ADDRESS, DESPACHANTE_TEMPORAL_TLS_ENABLED: 'true' },
      /Temporal.*temporal\.tls\.caFile/,
    ),
  ]);
});

test('a file that is no certificate is told by its name', async () => {
  const file = join(system.folder, 'no.pem');
  writeFileSync(file, 'nothing');
  const env = { ...(await behindTls()), DESPACHANTE_MONGODB_TLS_CA_FILE: file };
  const { code, stderr } = await run(['worker', '--port', '0'], {
    cwd: system.folder,
    env: { ...system.env, ...trusting, ...env },
  });
  assert.equal(code, 1);
  assert.match(stderr, /TLS file .*no\.pem cannot be used: there is no CERTIFICATE in it/);
});

test('TLS towards Temporal is on with an API key alone: it never goes over a plain connection', async () => {
  const config: Config = { ...DEFAULTS, temporalApiKey: 'key' };
  const { connectionOptions } = await import('../../src/temporal/client.ts');
  assert.deepEqual(connectionOptions(config).tls, {});
  assert.equal(connectionOptions(config).apiKey, 'key');
  assert.equal(connectionOptions(DEFAULTS).tls, undefined);
});
