// The servers' own tools: what they tell of themselves, and what they hand on.
import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import {
  chmodSync,
  mkdirSync,
  mkdtempSync,
  readFileSync,
  readdirSync,
  rmSync,
  statSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { delimiter, join } from 'node:path';
import { test } from 'node:test';
import type { TestContext } from 'node:test';
import { fileURLToPath } from 'node:url';

const engines = (name: string) => fileURLToPath(new URL(`../../engines/${name}`, import.meta.url));
const CAMEL = fileURLToPath(new URL('../../bench/contestants/camel.lock.txt', import.meta.url));

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
  const jars = [engines('timeskipping.lock.txt'), engines('kafka.lock.txt'), CAMEL];
  for (const name of jars) {
    for (const line of readFileSync(name, 'utf8').trim().split('\n')) {
      assert.match(line, /^[0-9a-f]{64} {2}[\w.-]+\.jar$/);
    }
  }
});

/** A machine without apt whose PATH has a RabbitMQ of that version: what is chosen there, and what is said. */
function chosenBroker(t: TestContext, version: string, choice: string): unknown {
  const folder = folderOf(t);
  const server = join(folder, `rabbitmq_server-${version}`);
  mkdirSync(server);
  writeFileSync(join(server, 'rabbitmq-server'), '', { mode: 0o755 });
  symlinkSync(join(server, 'rabbitmq-server'), join(folder, 'rabbitmq-server'));
  const script = `
    const said = [];
    const progress = { say: (line) => said.push(line), step: (_label, _estimate, work) => work() };
    const ctx = { env: { PATH: '${folder}' }, cache: '${folder}', rabbitmq: '${choice}', progress, signal: new AbortController().signal };
    const chosen = await it.locateBroker(ctx).catch((error) => ({ refused: error.message }));
    const reason = await it.reasonAgainstOther(ctx);
    console.log(JSON.stringify({ kind: chosen.kind, how: chosen.how, refused: chosen.refused, said, reason }));`;
  return evaluated('brokers.mjs', script);
}

const noApt = 'there is no apt-get, which Debian and Ubuntu have';

test('the tests take the broker on the PATH where it is as new as the one that could be fetched', (t) => {
  assert.deepEqual(chosenBroker(t, '4.1.0', 'newest'), {
    kind: 'any',
    how: 'PATH',
    said: [],
    reason: 'this machine offers RabbitMQ 4.1.0, and no older one',
  });
});

test('where RabbitMQ 4 cannot be had, the tests run on the older broker, and one line says why', (t) => {
  assert.deepEqual(chosenBroker(t, '3.12.1', 'newest'), {
    kind: 'any',
    how: 'PATH',
    said: [`  rabbitmq: 4.0.5 cannot be had here: ${noApt}`],
    reason: `RabbitMQ 4.0.5 cannot be had here: ${noApt}`,
  });
});

test('RabbitMQ 4 that was asked for by name is not replaced by another one', (t) => {
  assert.deepEqual(chosenBroker(t, '3.12.1', '4'), {
    refused: noApt,
    said: [],
    reason: `RabbitMQ 4.0.5 cannot be had here: ${noApt}`,
  });
});

test('an optional server that does not start is told, and its tests are skipped instead of all failing', (t) => {
  const folder = folderOf(t);
  writeFileSync(join(folder, 'redis-server'), '#!/bin/sh\necho "no memory" >&2\nexit 1\n');
  chmodSync(join(folder, 'redis-server'), 0o755);
  const ctx = `{ instance: 'test', data: ${JSON.stringify(folder)}, env: process.env,
    signal: new AbortController().signal, progress: { say() {}, step: (name, more, work) => work() } }`;
  const told = evaluated(
    'engines.mjs',
    `const told = [];
    const addresses = await it.startOptional(${ctx}, ['redis'], (text) => told.push(text), {});
    console.log(JSON.stringify({ told, addresses }));`,
    { PATH: `${folder}:${process.env['PATH']}`, REDIS_URL: '' },
  );
  const text = JSON.stringify(told);
  assert.match(text, /redis cannot be had here, and the tests that need it are skipped: redis did/);
  assert.match(text, /no memory/);
  assert.match(text, /"addresses":\{\}/);
});

test('only "any" and "4" name a broker', (t) => {
  const { status, stderr } = run(t, ['start', '--rabbitmq', '5'], {});
  assert.equal(status, 2);
  assert.match(stderr, /--rabbitmq 5: expected any or 4/);
  assert.deepEqual(chosenBroker(t, '4.1.0', 'old'), {
    refused: 'DESPACHANTE_RABBITMQ=old: expected any or 4',
    said: [],
    reason: 'this machine offers RabbitMQ 4.1.0, and no older one',
  });
});

test("packages of a newer Debian come from the mirror that apt is set up with, if it is one of Debian's archive", () => {
  const targets = `https://ppa.example/debian/ bookworm extras
http://mirror.example/debian-security/ bookworm-security main
http://mirror.example/debian/ bookworm-updates main
http://mirror.example/debian/ bookworm main`;
  const ubuntu = 'http://mirror.example/ubuntu/ noble main';
  const script = `console.log(JSON.stringify(${JSON.stringify([targets, ubuntu])}.map((each) => it.mirrorIn(each) ?? null)));`;
  assert.deepEqual(evaluated('trixie.mjs', script), ['http://mirror.example/debian/', null]);
});

test('RabbitMQ 4 is taken in the version that is tested, with Erlang and the libraries, and nothing else', () => {
  const plan = (version: string) => `NOTE: This is only a simulation!
Inst libc6 (2.41-12 Debian:13/stable [amd64]) []
Inst libpython3.13-stdlib (3.13.5-2 Debian:13/stable [amd64])
Inst zlib1g (1:1.3.1-1 Debian:13/stable [amd64])
Inst adduser (3.152 Debian:13/stable [all])
Inst erlang-base (1:27.3.4 Debian:13/stable [amd64])
Inst rabbitmq-server (${version}-6+deb13u2 Debian:13/stable [all])
Conf libc6 (2.41-12 Debian:13/stable [amd64])`;
  const script = (version: string) =>
    `try { console.log(JSON.stringify(it.wanted(${JSON.stringify(plan(version))}))); } catch (error) { console.log(JSON.stringify(error.message)); }`;
  assert.deepEqual(evaluated('trixie.mjs', script('4.0.5')), [
    'libc6',
    'zlib1g',
    'erlang-base',
    'rabbitmq-server',
  ]);
  assert.equal(
    evaluated('trixie.mjs', script('4.1.0')),
    'the mirror has RabbitMQ 4.1.0 for trixie',
  );
});

test('CI ends with one sum of all that it ran, and fails when one part does', (t) => {
  const folder = folderOf(t);
  const answers = `#!/bin/sh
case "$3" in
  test) printf 'a story\\n12 passed, 0 failed, 1 skipped\\n' ;;
  *) printf 'another\\n5 passed, 1 failed\\n'; exit 1 ;;
esac
`;
  writeFileSync(join(folder, 'npm'), answers, { mode: 0o755 });
  const PATH = `${folder}:${process.env.PATH ?? ''}`;
  const { stdout, status } = spawnSync(engines('../.ci/run'), { env: { PATH }, encoding: 'utf8' });
  assert.equal(stdout, 'a story\nanother\n17 passed, 1 failed, 1 skipped\n');
  assert.equal(status, 1);
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

test('the tests are counted without the suites around them, the failed ones are named with their errors, and the slowest ten, the slowest first', () => {
  const found = evaluated(
    'tally.mjs',
    `const ran = (ms, more = {}) =>
      ({ type: 'test:pass', data: { name: 'after ' + ms, file: 'a.js', details: { duration_ms: ms }, ...more } });
    const events = [...Array(11).keys()].map((ms) => ran(ms));
    events.push(ran(99, { details: { type: 'suite', duration_ms: 99 } }), ran(0, { skip: true }));
    const failed = (ms, error, type) =>
      ({ ...ran(ms, { details: { type, duration_ms: ms, error } }), type: 'test:fail' });
    events.push(failed(20, { message: 'wrapped', cause: Object.assign(new Error('\\nnot equal\\n1 != 2'), { stack: 'at /x/test/a.js:3:1\\nat /x/test/b.js:4:1' }) }));
    events.push(failed(97, { failureType: 'subtestsFailed' }, 'suite'), { ...ran(98), type: 'test:start' });
    for await (const text of it.default(events)) console.log(text);`,
  );
  const slowest = [20, 10, 9, 8, 7, 6, 5, 4, 3, 2];
  assert.deepEqual(found, {
    passed: 11,
    failed: 1,
    skipped: 1,
    failures: [
      {
        name: 'after 20',
        file: 'a.js',
        why: ['not equal', '1 != 2', 'at test/a.js:3:1'].join('\n      '),
      },
    ],
    slowest: slowest.map((ms) => ({ name: `after ${ms}`, file: 'a.js', ms })),
  });
});

test('the failed tests of all parts of .ci/run stand above the sum of them', (t) => {
  const folder = folderOf(t);
  const printed = (why: string) =>
    `ok 1\n\nFailed:\n  one (a.js)\n      ${why}\n\nbuild 1 s\n1 passed, 1 failed`;
  writeFileSync(
    join(folder, 'npm'),
    `#!/bin/sh\n[ "$3" = test ] && echo '${printed('first')}' || echo '${printed('second')}'\nexit 1\n`,
    { mode: 0o755 },
  );
  const env = { ...process.env, PATH: `${folder}${delimiter}${process.env['PATH']}` };
  const { stdout, status } = spawnSync('.ci/run', { encoding: 'utf8', env });
  assert.equal(status, 1);
  assert.match(
    stdout,
    /npm run test\nFailed:\n {2}one \(a\.js\)\n {6}first\n\nnpm run test:other-broker\nFailed:\n {2}one \(a\.js\)\n {6}second\n2 passed, 2 failed\n$/,
  );
});

test('a user without a name and without HOME gets a private folder, and one that others can change is refused', (t) => {
  const temporary = folderOf(t);
  chmodSync(temporary, 0o777);
  const uid = 54_321;
  const isRoot = process.getuid?.() === 0;
  const source = readFileSync(engines('paths.mjs'), 'utf8');
  const become = isRoot ? `process.setgid(${uid});\nprocess.setuid(${uid});` : '';
  const script = `${source}\n${become}\nprocess.stdout.write(JSON.stringify([cacheFolder({}), dataFolder({ HOME: '/' }, 'default')]));`;
  const ask = () =>
    spawnSync(process.execPath, ['--input-type=module', '-e', script], {
      encoding: 'utf8',
      env: { TMPDIR: temporary, ...(isRoot ? {} : { HOME: '/' }) },
      cwd: '/',
    });
  const folder = join(temporary, `despachante-${isRoot ? uid : process.getuid?.()}`);
  const { stdout, stderr } = ask();
  assert.deepEqual(
    JSON.parse(stdout || '[]'),
    [
      join(folder, '.cache', 'despachante'),
      join(folder, '.local', 'share', 'despachante', 'default'),
    ],
    stderr,
  );
  assert.equal(statSync(folder).mode & 0o777, 0o700);
  chmodSync(folder, 0o777);
  assert.match(ask().stderr, /can be changed by others: set HOME/);
});
