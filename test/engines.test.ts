// The servers' own tools: what they tell of themselves, and what they hand on.
import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { mkdtempSync, readFileSync, readdirSync, rmSync, statSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import type { TestContext } from 'node:test';
import { fileURLToPath } from 'node:url';

const engines = (name: string) => fileURLToPath(new URL(`../../engines/${name}`, import.meta.url));

function folderOf(t: TestContext): string {
  const folder = mkdtempSync(join(tmpdir(), 'despachante-engines-'));
  t.after(() => rmSync(folder, { recursive: true }));
  return folder;
}

/** Runs `engines …` with nothing in its environment but what is given. */
function run(t: TestContext, args: string[], env: Record<string, string>) {
  const DESPACHANTE_DATA = folderOf(t);
  const { PATH = '' } = process.env;
  return spawnSync(process.execPath, [engines('cli.mjs'), ...args], {
    encoding: 'utf8',
    env: { PATH, HOME: DESPACHANTE_DATA, DESPACHANTE_DATA, ...env },
  });
}

/** Runs a module that imports from the given file of `engines`, and reads the JSON that it prints. */
function evaluated(name: string, script: string, env: Record<string, string> = {}): unknown {
  const source = `import * as it from ${JSON.stringify(engines(name))};\n${script}`;
  const { stdout, stderr } = spawnSync(process.execPath, ['--input-type=module', '-e', source], {
    encoding: 'utf8',
    env: { ...process.env, ...env },
  });
  assert.equal(stderr, '');
  return JSON.parse(stdout);
}

test('the state of the servers tells no password, as text or as JSON; "env" has the addresses whole', (t) => {
  // Nothing listens there, and none of it is asked.
  const given = {
    AMQP_URL: 'amqp://user:hunter2@127.0.0.1:1/v',
    MONGODB_URI: 'mongodb://user:hunter2/db?authMechanismProperties=hunter2',
    TEMPORAL_ADDRESS: '127.0.0.1:1',
  };
  for (const args of [['status'], ['status', '--json']]) {
    const { stdout, stderr } = run(t, args, given);
    assert.match(stdout, /amqp:\/\/\*\*\*@127\.0\.0\.1:1\/v/);
    assert.doesNotMatch(stdout + stderr, /hunter2/);
  }
  const { stdout } = run(t, ['env', '--json'], given);
  assert.match(stdout, /amqp:\/\/user:hunter2@127/);
});

test('the token of the codec server is made once for an instance, and only its user can read it', (t) => {
  const data = folderOf(t);
  const [first, second] = evaluatedAddresses(data);
  assert.match(first, /^http:\/\/127\.0\.0\.1:8234\/[0-9a-f]{32}$/);
  assert.equal(second, first);
  assert.equal(statSync(join(data, 'codec.token')).mode & 0o777, 0o600);
  assert.ok(first.endsWith(readFileSync(join(data, 'codec.token'), 'utf8')));
  const shown = evaluated(
    'mask.mjs',
    `console.log(JSON.stringify(it.masked(${JSON.stringify(first)})))`,
  );
  assert.equal(shown, 'http://127.0.0.1:8234/***');
});

function evaluatedAddresses(data: string): [string, string] {
  const script = `
    const url = () => it.temporal.addresses({ grpc: 1, web: 2, codec: 8234 }, undefined, { data: ${JSON.stringify(data)} }).TEMPORAL_CODEC_URL;
    console.log(JSON.stringify([url(), url()]));`;
  const urls = evaluated('temporal.mjs', script);
  assert.ok(Array.isArray(urls));
  return [String(urls[0]), String(urls[1])];
}

test('code of others that is fetched or built gets how registries are reached, and none of our secrets', () => {
  const secrets = {
    AMQP_URL: 'amqp://user:hunter2@broker',
    MONGODB_URI: 'hunter2',
    TEMPORAL_API_KEY: 'hunter2',
    TEMPORAL_CODEC_URL: 'hunter2',
    LEGACY_AUTHORIZATION: 'hunter2',
    REGISTRATION_ID_KEY: 'hunter2',
    ENCRYPTION_KEYS: 'hunter2',
    CODEC_TOKEN: 'hunter2',
    AWS_SECRET_ACCESS_KEY: 'hunter2',
    GITHUB_TOKEN: 'hunter2',
    GOOGLE_APPLICATION_CREDENTIALS: 'hunter2',
  };
  const wanted = {
    PATH: '/bin',
    HOME: '/home/ana',
    https_proxy: 'http://proxy:3128',
    HTTPS_PROXY: 'http://proxy:3128',
    npm_config_registry: 'https://npm.example',
    PIP_INDEX_URL: 'https://pip.example',
    GOPROXY: 'https://go.example',
    GONOSUMDB: 'x',
    CARGO_HOME: '/cargo',
    LC_ALL: 'C',
  };
  const env = JSON.stringify({ ...secrets, ...wanted });
  const script = `console.log(JSON.stringify(it.buildEnvironment(${env})));`;
  assert.deepEqual(evaluated('paths.mjs', script), wanted);
});

test('whatever is fetched has a version and, where its index tells one, a hash', () => {
  const lock = readFileSync(engines('store.lock.txt'), 'utf8').replaceAll('\\\n', ' ');
  const pins = lock.split('\n').filter((line) => line !== '' && !line.startsWith('#'));
  assert.ok(pins.length > 0);
  for (const pin of pins) {
    assert.match(
      pin,
      /^[\w-]+==\S+( ; python_version (>=|<) "3\.11")?( +--hash=sha256:[0-9a-f]{64})+$/,
    );
  }
  const store = readFileSync(engines('store.mjs'), 'utf8');
  const wheel = /const WHEEL = '(.*)'/.exec(store)?.[1] ?? '';
  assert.ok(pins.some((pin) => pin.startsWith(`SecantusDB==${wheel} `)));
  for (const option of ['--require-hashes', '--only-binary', '--locked']) {
    assert.ok(store.includes(`'${option}'`), option);
  }
  for (const line of readFileSync(engines('timeskipping.lock.txt'), 'utf8').trim().split('\n')) {
    assert.match(line, /^[0-9a-f]{64} {2}[\w.-]+\.jar$/);
  }
});

test('no program is started with our whole environment, but Docker and our own', () => {
  for (const name of readdirSync(engines('.')).filter((each) => each.endsWith('.mjs'))) {
    if (name === 'docker.mjs') continue;
    const source = readFileSync(engines(name), 'utf8');
    assert.doesNotMatch(
      source,
      /env: (ctx\.env|\{ \.\.\.ctx\.env)|env = \{[^}]*\.\.\.ctx\.env/,
      name,
    );
  }
});
