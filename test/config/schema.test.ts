import assert from 'node:assert/strict';
import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, test } from 'node:test';
import fc from 'fast-check';
import { stringify } from 'yaml';
import { CONSTANTS } from '../../src/config/constants.ts';
import { ENVIRONMENT_ONLY, environmentNames, variable } from '../../src/config/environment.ts';
import { OWN } from '../../src/mongo/collections.ts';
import { ConfigError, type Fault } from '../../src/config/faults.ts';
import { configTable } from '../../src/commands/config.ts';
import { configJson } from '../../src/config/report.ts';
import { REMOVED } from '../../src/config/removed.ts';
import { DEFAULTS, STANDARD, type Config } from '../../src/config/schema.ts';
import { leaves, valueAt } from '../../src/config/tree.ts';
import { loadConfig, type ConfigSource } from '../../src/config/load.ts';
import { maskUrl } from '../../src/runtime/mask.ts';

// A folder of its own: a developer may have a despachante.yaml in the current one, which would be read.
const folder = mkdtempSync(join(tmpdir(), 'despachante-config-'));
process.chdir(folder);
after(() => rmSync(folder, { recursive: true }));
const file = join(folder, 'given', 'despachante.yaml');
mkdirSync(join(folder, 'given'));

function load(yaml: string, env: ConfigSource['env'] = {}): Config {
  writeFileSync(file, yaml);
  return loadConfig({ env, file }).config;
}

/** The faults, with the name of the file's folder left out. */
function faults(yaml: string, env: ConfigSource['env'] = {}): Fault[] {
  try {
    load(yaml, env);
  } catch (error) {
    assert.ok(error instanceof ConfigError, String(error));
    return error.faults.map((fault) => ({
      ...fault,
      where: fault.where.replace(`${folder}/given/`, ''),
    }));
  }
  assert.fail('no fault was found');
}

function only(yaml: string, env: ConfigSource['env'] = {}): Fault {
  const [fault, ...others] = faults(yaml, env);
  assert.deepEqual(others, []);
  assert.ok(fault);
  return fault;
}

const aKey = `k1:${Buffer.alloc(32, 1).toString('base64')}`;

test('without a file and an environment everything has its default, and is frozen', () => {
  const { config, origins, warnings } = loadConfig({ env: {} });
  assert.deepEqual(config, DEFAULTS);
  assert.equal(config.intake.batchBytes, 512 * 1024);
  assert.equal(config.legacy.maxOpen, 7 * 24 * 60 * 60 * 1000);
  assert.equal(config.legacyAuthorization, null);
  assert.ok(Object.isFrozen(config) && Object.isFrozen(config.legacy.poll.words.done));
  assert.deepEqual(new Set(Object.values(origins)), new Set(['default']));
  assert.deepEqual(warnings, []);
});

test('every setting has an origin: default, a line of the file, or a variable', () => {
  writeFileSync(file, 'mongodb:\n  retention: 50 d\nlegacy:\n  expectedLatency: { max: 1m }\n');
  const { config, origins } = loadConfig({
    file,
    env: { AMQP_URL: 'amqps://broker', DESPACHANTE_LEGACY_DEADLINE: '2h' },
  });
  assert.equal(config.mongodb.retention, 50 * 86_400_000);
  assert.equal(config.legacy.deadline, 7_200_000);
  assert.equal(config.legacy.expectedLatency.max, 60_000);
  assert.equal(origins['mongodb.retention'], `${file}:2`);
  assert.equal(origins['legacy.expectedLatency.max'], `${file}:4`);
  assert.equal(origins['legacy.expectedLatency.min'], 'default');
  assert.equal(origins['legacy.deadline'], 'environment DESPACHANTE_LEGACY_DEADLINE');
  assert.equal(origins['amqpUrl'], 'environment AMQP_URL');
  assert.deepEqual(
    Object.keys(origins),
    leaves(STANDARD).map(([path]) => path),
  );
});

test('the environment wins over the file, and an empty variable counts as not set', () => {
  const yaml = 'intake: { batchSize: 7, maxMessageBytes: 700KiB }';
  const env = { DESPACHANTE_INTAKE_BATCH_SIZE: '8', DESPACHANTE_INTAKE_MAX_MESSAGE_BYTES: '' };
  const { batchSize, maxMessageBytes } = load(yaml, env).intake;
  assert.deepEqual({ batchSize, maxMessageBytes }, { batchSize: 8, maxMessageBytes: 700 * 1024 });
});

test('text, numbers, sizes and yes-or-no can all come from the environment', () => {
  const config = load('', {
    DESPACHANTE_RABBIT_INTAKE_QUEUE: '123',
    DESPACHANTE_INTAKE_MAX_MESSAGE_BYTES: '1000',
    DESPACHANTE_MONGODB_UPSERT: 'false',
    DESPACHANTE_MONGODB_DATABASE: 'office',
    DESPACHANTE_LEGACY_EXPECTED_LATENCY_MIN: '1.5s',
    DESPACHANTE_LEGACY_MAX_IN_FLIGHT: '2000',
    CODEC_TOKEN: '1234567890123456',
  });
  assert.equal(config.rabbit.intakeQueue, '123');
  assert.equal(config.intake.maxMessageBytes, 1000);
  assert.equal(config.mongodb.upsert, false);
  assert.equal(config.mongodb.database, 'office');
  assert.equal(config.legacy.expectedLatency.min, 1500);
  assert.equal(config.legacy.maxInFlight, 2000, 'a limit, though none by default');
  assert.equal(config.codecToken, '1234567890123456');
});

test('all faults are told at once, each with its place, in the order of the file', () => {
  const found = faults(
    [
      'intake:',
      '  batchSize: "many"',
      '  batchsize: 3',
      'legacy:',
      '  deadline: 10',
      '  poll: { path: /registrations }',
      '  submit: { statuses: { 429: nope, abc: refused } }',
      'rabbit: 7',
    ].join('\n'),
    { LEGACY_URL: 'ftp://legacy', DESPACHANTE_WORKER_SHUTDOWN_GRACE: 'soon' },
  );
  assert.deepEqual(
    found.map(({ where, path }) => `${where} ${path}`),
    [
      'despachante.yaml:2:14 intake.batchSize',
      'despachante.yaml:3:3 intake.batchsize',
      'despachante.yaml:5:13 legacy.deadline',
      'despachante.yaml:6:17 legacy.poll.path',
      'despachante.yaml:7:30 legacy.submit.statuses.429',
      'despachante.yaml:7:36 legacy.submit.statuses.abc',
      'despachante.yaml:8:9 rabbit',
      'environment DESPACHANTE_WORKER_SHUTDOWN_GRACE worker.shutdownGrace',
      'environment LEGACY_URL legacyUrl',
    ],
  );
});

test('the message of the error has one line for each fault', () => {
  writeFileSync(file, 'intake:\n  batchSize: "many"\nworker:\n  shutdownGrace: 20\n');
  assert.throws(() => loadConfig({ env: {}, file }), {
    name: 'ConfigError',
    message: [
      'the configuration has 2 faults:',
      `${file}:2:14  intake.batchSize: expected a whole number from 1 to 500, got "many"`,
      `${file}:4:18  worker.shutdownGrace: expected a duration with its unit from 0ms to 1h, such as 20ms, 10s, 1h or 7d, got 20`,
    ].join('\n'),
  });
});

test('a key that is not known comes with the one that was probably meant', () => {
  assert.equal(only('intake: { batch_size: 3 }').hint, 'did you mean batchSize?');
  assert.match(only('legcay: { deadline: 1h }').expected, /one of the keys .*legacy,/);
  assert.equal(only('batchSize: 3').hint, 'did you mean intake.batchSize?');
  assert.equal(only('intake: { zebra: 3 }').hint, undefined);
});

test('a variable that is not known comes with the one that was probably meant', () => {
  const hint = (name: string) => only('', { [name]: '1' }).hint;
  assert.equal(hint('DESPACHANTE_INTAKE_BATCHSIZE'), 'did you mean DESPACHANTE_INTAKE_BATCH_SIZE?');
  assert.equal(hint('DESPACHANTE_AMQP_URL'), 'did you mean AMQP_URL?');
  assert.equal(hint('DESPACHANTE_ZEBRA'), undefined);
});

test('a failpoint has a name that there is, and perhaps a passage', () => {
  const failpoint = (setting: string) => load('', { DESPACHANTE_FAILPOINT: setting }).failpoint;
  assert.equal(failpoint('submit-opened'), 'submit-opened');
  assert.equal(failpoint('submit-opened:3'), 'submit-opened:3');
  for (const wrong of ['submit-open', 'submit-opened:0', 'submit-opened:', '3', 'Submit-Opened']) {
    const fault = only('', { DESPACHANTE_FAILPOINT: wrong });
    assert.equal(fault.where, 'environment DESPACHANTE_FAILPOINT');
    assert.match(fault.expected, /^a failpoint, .*, of: intake-parsed, .*submit-opened, /);
  }
});

test('addresses and secrets in the file are refused, and not repeated', () => {
  const found = faults('legacyAuthorization: Bearer abc\ntemporal: { webUrl: http://abc }');
  assert.deepEqual(
    found.map(({ where, path }) => `${where} ${path}`),
    ['despachante.yaml:1:1 legacyAuthorization', 'despachante.yaml:2:13 temporal.webUrl'],
  );
  assert.match(found[0]?.expected ?? '', /LEGACY_AUTHORIZATION/);
  assert.doesNotMatch(JSON.stringify(found), /abc/);
});

test('a fault never shows a secret, however the address is broken', () => {
  const secret = 'hunter2';
  for (const [name, value] of [
    ['AMQP_URL', `amqp://user:${secret}/x@broker`],
    ['AMQP_URL', `http://user:${secret}@broker`],
    ['AMQP_URL', `amqp:/user:${secret}@broker`],
    ['AMQP_URL', secret],
    ['MONGODB_URI', `mongodb://user:p@${secret}@store`],
    ['MONGODB_URI', `mongodb://user:p#${secret}@store`],
    ['MONGODB_URI', `postgres://store/?password=${secret}`],
    ['LEGACY_URL', `https://user:${secret}@legacy`],
    ['LEGACY_URL', `https://legacy/?token=${secret}`],
    ['TEMPORAL_ADDRESS', `${secret}@temporal`],
    ['LEGACY_AUTHORIZATION', `Bearer ${secret}\n`],
    ['REGISTRATION_ID_KEY', secret],
    ['ENCRYPTION_KEYS', secret],
    ['ENCRYPTION_KEYS', `k1:${secret}`],
    ['ENCRYPTION_KEYS', `${secret}:k1`],
    ['CODEC_TOKEN', secret],
    ['TEMPORAL_API_KEY', `${secret}\n`],
  ] as const) {
    const fault = only('', { [name]: value });
    assert.equal(fault.where, `environment ${name}`);
    assert.doesNotMatch(JSON.stringify(fault), new RegExp(secret), name);
  }
  const broken = faults(`registration: [${secret}\nlegacy: }${secret}`);
  assert.doesNotMatch(JSON.stringify(broken), new RegExp(secret));
});

test('settings that contradict each other are faults, at the one that somebody set', () => {
  const cases: [yaml: string, at: string, path: string][] = [
    ['legacy: { deadline: 8d }', '8d', 'legacy.maxOpen'],
    ['legacy: { expectedLatency: { min: 20s } }', '20s', 'legacy.expectedLatency.max'],
    ['legacy: { poll: { words: { done: [processing] } } }', '{ done', 'legacy.poll.words'],
    ['rabbit: { failureQueue: registrations }', 'registrations', 'rabbit.failureQueue'],
    ['rabbit: { intakeQueue: dlq_registrations }', 'dlq_', 'rabbit.failureQueue'],
    ['rabbit: { failureQueue: registrations.returned }', 'reg', 'rabbit.failureQueue'],
    ['registration: { hashIds: true }', 'true', 'registrationIdKey'],
  ];
  for (const [yaml, at, path] of cases) {
    const fault = only(yaml);
    assert.equal(fault.path, path);
    assert.equal(fault.where, `despachante.yaml:1:${yaml.indexOf(at) + 1}`);
  }
  assert.equal(only('legacy: { deadline: 8d }').got, '7d, its default');
  assert.equal(
    only('registration: { hashIds: true }').hint,
    'set REGISTRATION_ID_KEY in the environment',
  );
});

test('contradictions are told together with other faults of the same section', () => {
  const paths = faults(
    'legacy: { deadline: 8d, timeout: 3 }\nintake: { maxMessageBytes: 2MiB, batchSize: 0 }',
  );
  assert.deepEqual(paths.map(({ path }) => path).sort(), [
    'intake.batchSize',
    'intake.maxMessageBytes',
    'legacy.maxOpen',
    'legacy.timeout',
  ]);
});

test('values at and beyond the limits', () => {
  const good: [yaml: string, read: (config: Config) => unknown, value: unknown][] = [
    ['intake: { batchSize: 500 }', (config) => config.intake.batchSize, 500],
    ['intake: { maxMessageBytes: 768KiB }', (config) => config.intake.batchBytes, 1024 * 1024],
    ['intake: { maxMessageBytes: 1KiB }', (config) => config.intake.batchBytes, 512 * 1024],
    ['intake: { batchSize: 100 }', (config) => config.rabbit.prefetch, 400],
    ['intake: { batchSize: 500 }', (config) => config.rabbit.prefetch, 2000],
    ['rabbit: { intakeQueue: people }', (config) => config.rabbit.returnedQueue, 'people.returned'],
    ['legacy: { onUnknown: resubmit }', (config) => config.legacy.onUnknown, 'resubmit'],
    ['legacy: { deadline: 1.5h }', (config) => config.legacy.deadline, 5_400_000],
    [
      'legacy: { submit: { statuses: { 5xx: not-accepted } } }',
      (config) => config.legacy.submit.statuses['5xx'],
      'not-accepted',
    ],
    [
      'legacy: { poll: { words: { done: [ok, pronto] } } }',
      (config) => config.legacy.poll.words.done.join(),
      'ok,pronto',
    ],
    ['mongodb: { database: null }', (config) => config.mongodb.database, null],
    ['rabbit:\nintake:\n', (config) => config.intake.batchSize, 250],
  ];
  for (const [yaml, read, value] of good) assert.deepEqual(read(load(yaml)), value, yaml);
  for (const yaml of [
    'intake: { batchSize: 501 }',
    'intake: { batchSize: 1.5 }',
    'intake: { batchSize: .nan }',
    'intake: { batchSize: null }',
    'intake: { maxMessageBytes: 1MiB }',
    'intake: { maxMessageBytes: -1 }',
    'legacy: { deadline: 1y }',
    'legacy: { deadline: "" }',
    'legacy: { submit: { path: //elsewhere } }',
    'legacy: { requestIdPattern: "^[" }',
    'legacy: { requestIdPattern: ".*" }',
    'legacy: { requestIdPattern: "^(?=a)a$" }',
    'legacy: { requestIdPattern: "^(a)\\\\1$" }',
    'legacy: { requestIdPattern: "^a{1,1001}$" }',
    'legacy: { requestIdPattern: 7 }',
    'legacy: { onUnknown: perhaps }',
    'legacy: { onUnknown: hold }',
    'legacy: { onUnknown: lookup }',
    'legacy: { lookup: { path: /registrations } }',
    'legacy: { lookup: { requestId: id } }',
    'legacy: { timeout: 2m }',
    'rabbit: { intakeQueue: amq.mine }',
    ...Object.values(OWN).map((name) => `mongodb: { collection: ${name} }`),
    'mongodb: { collection: despachante_mine }',
    'mongodb: { collection: fila_x, ownPrefix: fila_ }',
    'mongodb: { ownPrefix: "" }',
    'mongodb: { ownPrefix: a.b }',
    'mongodb: { ownDatabase: admin }',
    'mongodb: { collection: system.views }',
    'mongodb: { collection: .a }',
    'mongodb: { collection: a..b }',
    'mongodb: { collection: a. }',
    'mongodb: { database: admin }',
    'mongodb: { match: $where }',
    'mongodb: { match: a.b }',
    'mongodb: { match: "" }',
    'mongodb: { match: requestId }',
    'mongodb: { match: registeredAt }',
    'mongodb: { match: status }',
    'mongodb: { match: __proto__ }',
    'mongodb: { matchType: ObjectId }',
    'mongodb: { requestIdField: _id }',
    'mongodb: { requestIdField: "" }',
    'mongodb: { requestIdField: status }',
    'mongodb: { requestIdField: registeredAt }',
    'mongodb: { registeredAtField: a.b }',
    'mongodb: { match: numero, registeredAtField: numero }',
    'mongodb: { requestIdField: protocolo, registeredAtField: protocolo }',
    'registration: { id: id }',
    'registration: { id: "" }',
    'registration: { id: / }',
    'registration: { id: /a~2 }',
    'registration: { id: /data/ }',
    'mongodb: { statusField: _id }',
    'mongodb: { statusField: _id.x }',
    'mongodb: { statusField: requestId }',
    'mongodb: { statusField: registeredAt }',
    'mongodb: { statusField: $set }',
    'mongodb: { statusField: status.at }',
    'mongodb: { statusField: .status }',
    'mongodb: { statusField: code, match: code }',
    'mongodb: { statusField: __proto__ }',
    'log: { level: loud }',
  ])
    only(yaml);
});

test('all that is wrong with the fields of the collection is told at once, each where it stands', () => {
  const found = faults(
    'mongodb:\n  match: requestId\n  statusField: _id\n  collection: system.a\n',
  );
  assert.deepEqual(
    found.map(({ where, path }) => `${where} ${path}`),
    [
      'despachante.yaml:2:10 mongodb.requestIdField',
      'despachante.yaml:3:16 mongodb.statusField',
      'despachante.yaml:4:15 mongodb.collection',
    ],
  );
  const same = faults('mongodb:\n  match: status\n  collection: system.a\n');
  assert.deepEqual(
    same.map(({ where, path }) => `${where} ${path}`),
    ['despachante.yaml:2:10 mongodb.statusField', 'despachante.yaml:3:15 mongodb.collection'],
  );
});

test('the collection may begin as our own do where they stand in another database', () => {
  const settings = 'collection: reg_x, ownPrefix: reg';
  load(`mongodb: { ${settings}, ownDatabase: other }`);
  load(`mongodb: { ${settings}, database: theirs, ownDatabase: despachante }`);
  for (const same of [
    'ownDatabase: despachante',
    'database: other, ownDatabase: other',
    'database: other',
  ])
    assert.equal(only(`mongodb: { ${settings}, ${same} }`).path, 'mongodb.collection');
  const MONGODB_URI = 'mongodb://localhost/other';
  const found = faults(`mongodb: { ${settings}, ownDatabase: other }`, { MONGODB_URI });
  assert.deepEqual(
    found.map(({ path }) => path),
    ['mongodb.collection'],
  );
});

test('a database of the server itself is refused, unless another one is named', () => {
  const admin = { MONGODB_URI: 'mongodb://user:p@store/admin' };
  assert.equal(only('', admin).path, 'mongodbUri');
  assert.equal(load('mongodb: { database: office }', admin).mongodb.database, 'office');
  load('', { MONGODB_URI: 'mongodb://user:p@store/?authSource=admin' });
});

const settingsOfFile = leaves(STANDARD).flatMap(([path]) =>
  Object.values(ENVIRONMENT_ONLY).includes(path) ? [] : [path],
);

test('there are 121 settings at most: what more is needed follows from them, or is a constant', () => {
  assert.ok(settingsOfFile.length <= 121, `${settingsOfFile.length} settings`);
  assert.ok(Object.keys(ENVIRONMENT_ONLY).length <= 20);
});

test('who still sets what is no setting any more is told what takes its place, in the file and in the environment', () => {
  for (const [path, instead] of Object.entries(REMOVED)) {
    assert.equal(valueAt(STANDARD, path.split('.')), undefined, path);
    const tree = path.split('.').reduceRight<unknown>((below, key) => ({ [key]: below }), 1);
    assert.ok(only(stringify(tree)).hint?.includes(instead), path);
    const name = variable(path);
    const inEnvironment = only('', { [name]: '1' });
    assert.deepEqual([inEnvironment.where, inEnvironment.hint], [`environment ${name}`, instead]);
  }
  const { hint } = only('guard:\n  maxMemory: 1MiB\n  maxLoopDelay: 1s\n');
  assert.match(hint ?? '', /^guard\.maxMemory: .*; guard\.maxLoopDelay: 1s/);
});

test('a test may change constants, and nobody in production', () => {
  const env = { DESPACHANTE_TEST_CONSTANTS: 'sweeper.olderThan=0 temporal.localActivities=false' };
  const { sweeper, temporal, rabbit } = load('', env);
  assert.deepEqual([sweeper.olderThan, temporal.localActivities], [0, false]);
  assert.equal(rabbit.heartbeat, CONSTANTS.rabbit.heartbeat);
  for (const wrong of ['sweeper.olderThen=0', 'sweeper.olderThan', 'sweeper=1', 'a.b=c', '='])
    assert.match(only('', { DESPACHANTE_TEST_CONSTANTS: wrong }).expected, /in tests alone/);
  const production = { ...env, NODE_ENV: 'production', ENCRYPTION_KEYS: aKey };
  assert.equal(only('', production).got, 'NODE_ENV=production');
});

test('a failpoint is set in the environment alone', () => {
  assert.match(only('failpoint: submit-opened').expected, /DESPACHANTE_FAILPOINT/);
});

test('a look-up needs a path with the registration id, and its settle time is no shorter than an answer may take', () => {
  assert.equal(only('legacy: { onUnknown: lookup }').path, 'legacy.lookup.path');
  assert.equal(only('legacy: { lookup: { after: 5s } }').path, 'legacy.lookup.after');
  const { legacy } = load(
    'legacy: { onUnknown: lookup, lookup: { path: "/r?externalId={id}", matches: /items, key: null } }',
  );
  assert.deepEqual(
    { ...legacy.lookup },
    {
      path: '/r?externalId={id}',
      matches: '/items',
      key: null,
      requestId: '/id',
      after: 60_000,
      method: 'GET',
      body: null,
      statuses: {},
      timeout: null,
    },
  );
});

test('addresses are checked by their scheme and their parts', () => {
  const env = (name: string, value: string) => leaves(load('', { [name]: value }));
  for (const [name, value] of [
    ['AMQP_URL', 'amqps://user:p%40ss@broker.example:5671/vhost'],
    ['MONGODB_URI', 'mongodb+srv://user:p%40ss@cluster.example/db?retryWrites=true'],
    ['MONGODB_URI', 'mongodb://a:1,b:2,c/db?replicaSet=rs0'],
    ['MONGODB_URI', 'mongodb://u:p@[::1]:27017,b/?replicaSet=rs0'],
    ['MONGODB_URI', 'mongodb://%2Ftmp%2Fmongodb.sock/db'],
    ['MONGODB_URI', 'mongodb://store?replicaSet=rs0'],
    ['TEMPORAL_ADDRESS', '[::1]:7233'],
    ['TEMPORAL_ADDRESS', 'name.account.tmprl.cloud:7233'],
    ['LEGACY_URL', 'https://legacy.example/api'],
  ] as const)
    assert.ok(
      env(name, value).some(([, found]) => found === value),
      value,
    );
  assert.equal(load('', { LEGACY_URL: 'http://legacy/api/' }).legacyUrl, 'http://legacy/api');
  for (const [name, value] of [
    ['AMQP_URL', 'http://broker'],
    ['MONGODB_URI', 'mongodb://'],
    // Its "@" forgotten: the driver would repeat the password in its error.
    ['MONGODB_URI', 'mongodb://user:secretpw'],
    ['MONGODB_URI', 'mongodb://user:secretpw/db'],
    ['MONGODB_URI', 'mongodb://user:12345secretpw?replicaSet=rs0'],
    ['MONGODB_URI', 'mongodb://store,user:secretpw'],
    ['MONGODB_URI', 'mongodb+srv://user:secretpw'],
    ['TEMPORAL_ADDRESS', 'http://temporal:7233'],
    ['TEMPORAL_ADDRESS', 'temporal'],
    ['TEMPORAL_ADDRESS', 'temporal:99999'],
    ['LEGACY_URL', 'legacy:80'],
    ['LEGACY_URL', 'http://legacy/?a=b'],
    ['TEMPORAL_WEB_URL', 'localhost:8233'],
  ] as const)
    assert.equal(only('', { [name]: value }).where, `environment ${name}`, value);
});

test('what is wrong with the file itself is a fault with its place', () => {
  assert.equal(only('intake:\n  batchSize: 1\n  batchSize: 2\n').where, 'despachante.yaml:3:3');
  assert.match(only('intake: [1, 2').where, /^despachante\.yaml:1:\d+$/);
  assert.equal(only('- 1\n- 2\n').where, 'despachante.yaml:1:1');
  assert.equal(only('just text').expected, 'a mapping of settings');
  assert.equal(only('log: { level: !secret info }').where, 'despachante.yaml:1:15');
  const bomb = `a: &a [x,x,x,x,x,x,x,x,x]\nb: &b [*a,*a,*a,*a,*a,*a,*a,*a]\nc: &c [*b,*b,*b,*b,*b,*b,*b,*b]\nd: [*c,*c,*c,*c,*c,*c]\n`;
  assert.match(only(bomb).got, /alias/i);
  assert.equal(only('['.repeat(20_000)).path, '');
});

test('a file that was named must exist; the standard one need not', () => {
  const missing = join(folder, 'nowhere.yaml');
  assert.throws(
    () => loadConfig({ env: {}, file: missing }),
    /nowhere\.yaml: expected a readable file/,
  );
  assert.throws(() => loadConfig({ env: { DESPACHANTE_CONFIG: missing } }), /nowhere\.yaml/);
  assert.throws(() => loadConfig({ env: {}, file: folder }), ConfigError);
  writeFileSync('despachante.yaml', 'log: { level: debug }');
  const { config, origins } = loadConfig({ env: {} });
  rmSync('despachante.yaml');
  assert.equal(config.log.level, 'debug');
  assert.equal(origins['log.level'], 'despachante.yaml:1');
});

test('masked addresses keep what is needed to recognize them', () => {
  assert.equal(maskUrl('amqp://user:secret@broker:5672/v'), 'amqp://***@broker:5672/v');
  assert.equal(maskUrl('amqp://broker:5672'), 'amqp://broker:5672');
  assert.equal(
    maskUrl('mongodb://u:p@a:1,b:2/db?tlsCertificateKeyFilePassword=x&replicaSet=rs0'),
    'mongodb://***@a:1,b:2/db?tlsCertificateKeyFilePassword=***&replicaSet=rs0',
  );
});

test('the report shows values as one writes them, with their origin and without secrets', () => {
  const loaded = loadConfig({
    env: {
      AMQP_URL: 'amqp://user:hunter2@broker',
      LEGACY_AUTHORIZATION: 'Bearer hunter2',
      REGISTRATION_ID_KEY: 'hunter2hunter2hunter2',
      DESPACHANTE_PORT: 'tcp://10.0.0.1:1',
    },
  });
  const table = configTable(loaded);
  assert.match(table, /^amqpUrl +amqp:\/\/\*\*\*@broker +environment AMQP_URL$/m);
  assert.match(table, /^legacyAuthorization +\*\*\* +environment LEGACY_AUTHORIZATION$/m);
  assert.match(table, /^intake\.maxMessageBytes +256KiB +default$/m);
  assert.match(table, /^legacy\.maxOpen +7d +default$/m);
  assert.match(table, /^warning: environment DESPACHANTE_PORT/m);
  const json = configJson(loaded);
  assert.deepEqual(json.settings['intake.maxMessageBytes'], { value: 262_144, origin: 'default' });
  assert.doesNotMatch(table + JSON.stringify(json), /hunter2/);
});

test('in production there are keys of encryption, or somebody says that there are none', () => {
  const production = { NODE_ENV: 'production' };
  const fault = only('', production);
  assert.equal(fault.where, 'environment NODE_ENV');
  assert.match(
    `${fault.expected} ${fault.hint}`,
    /ENCRYPTION_KEYS.*openssl.*encryption\.mode: off/,
  );
  assert.equal(load('', { ...production, ENCRYPTION_KEYS: aKey }).encryption.mode, 'auto');
  assert.equal(load('encryption: { mode: off }', production).encryption.mode, 'off');
  const there = join(folder, 'there.key');
  writeFileSync(there, aKey, { mode: 0o600 });
  const yaml = `encryption: { keyFile: ${there} }`;
  assert.equal(load(yaml, production).encryption.keyFile, there);
  assert.equal(load('').encryptionKeys, null, 'elsewhere nothing is asked for');
});

test('who says that it is on, or where the keys are, is told when they are not there', () => {
  assert.equal(only('encryption: { mode: on }').where, 'despachante.yaml:1:21');
  assert.equal(only('encryption: { keyFile: nowhere.key }').where, 'despachante.yaml:1:24');
  const env = { DESPACHANTE_ENCRYPTION_KEY_FILE: 'nowhere.key' };
  assert.equal(only('', env).where, 'environment DESPACHANTE_ENCRYPTION_KEY_FILE');
});

test('what is wrong with a key is told without the key', () => {
  const fault = only('', { ENCRYPTION_KEYS: 'k1:c2VjcmV0c2VjcmV0' });
  assert.match(fault.expected, /key 1 has 12 bytes and needs 32/);
  assert.doesNotMatch(JSON.stringify(fault), /c2Vj/);
});

test('certificates belong together, and to an address with TLS', () => {
  assert.equal(
    only('rabbit: { tls: { certFile: a.pem } }', { AMQP_URL: 'amqps://b' }).path,
    'rabbit.tls',
  );
  assert.equal(only('rabbit: { tls: { caFile: ca.pem } }').path, 'rabbit.tls.caFile');
  assert.equal(only('legacy: { tls: { caFile: ca.pem } }').path, 'legacy.tls.caFile');
  const fault = only('', { DESPACHANTE_LEGACY_TLS_CA_FILE: 'ca.pem' });
  assert.equal(fault.where, 'environment DESPACHANTE_LEGACY_TLS_CA_FILE');
  assert.match(fault.expected, /https:\/\//);
  const secure = { LEGACY_URL: 'https://legacy', AMQP_URL: 'amqps://broker' };
  const yaml = 'rabbit: { tls: { caFile: ca.pem } }\nlegacy: { tls: { caFile: ca.pem } }';
  assert.equal(load(yaml, secure).legacy.tls.caFile, 'ca.pem');
});

test('whatever switches off the check of certificates is loud, and is refused in production', () => {
  for (const env of [
    { NODE_TLS_REJECT_UNAUTHORIZED: '0' },
    { MONGODB_URI: 'mongodb://store/db?tls=true&tlsInsecure=true' },
    { MONGODB_URI: 'mongodb://store/db?tlsAllowInvalidCertificates=true&tls=true' },
    { MONGODB_URI: 'mongodb://store/db?tlsAllowInvalidHostnames=TRUE&tls=true' },
  ]) {
    const [name = ''] = Object.keys(env);
    const { warnings } = loadConfig({ env });
    assert.match(warnings.join(), new RegExp(`^environment ${name}.*INSECURE`));
    const fault = only('', { ...env, NODE_ENV: 'production', ENCRYPTION_KEYS: aKey });
    assert.equal(fault.where, `environment ${name}`);
  }
});

const root = new URL('../../../', import.meta.url);
const settingLine = /^( *)#(?=[a-zA-Z]+:)/gm;

test('the example file, as it is and uncommented, equals the defaults and has every setting', () => {
  const example = readFileSync(new URL('despachante.example.yaml', root), 'utf8');
  assert.deepEqual(load(example), DEFAULTS);
  writeFileSync(file, example.replace(settingLine, '$1'));
  const { config, origins } = loadConfig({ env: {}, file });
  assert.deepEqual(config, DEFAULTS);
  const missing = Object.entries(origins).filter(
    ([path, origin]) => origin === 'default' && settingsOfFile.includes(path),
  );
  assert.deepEqual(missing, []);
});

test('the example of an environment, uncommented, equals the defaults and has every variable', () => {
  const example = readFileSync(new URL('.env.example', root), 'utf8');
  const lines = example.matchAll(/^#([A-Z_]+)=(.*)$/gm);
  const env: Record<string, string | undefined> = {};
  for (const [, name = '', value] of lines) env[name] = value;
  assert.deepEqual(loadConfig({ env }).config, DEFAULTS);
  const ofFile = new Set(settingsOfFile.map((path) => variable(path)));
  const named = environmentNames.filter((name) => !ofFile.has(name));
  assert.deepEqual(Object.keys(env).sort(), [...named].sort());
});

test('any value in the place of any setting gives a configuration or faults with a place, and nothing else', () => {
  const paths = leaves(STANDARD).map(([path]) => path.split('.'));
  const sections = Object.keys(STANDARD).map((key) => [key]);
  const anything = fc.oneof(fc.jsonValue(), fc.constantFrom('10s', '1MiB', 0, NaN, '__proto__'));
  fc.assert(
    fc.property(fc.constantFrom(...paths, ...sections), anything, (path, value) => {
      const tree = path.reduceRight<unknown>((below, key) => ({ [key]: below }), value);
      writeFileSync(file, stringify(tree));
      try {
        const { config } = loadConfig({ env: {}, file });
        assert.notEqual(valueAt(config, path), undefined);
      } catch (error) {
        assert.ok(error instanceof ConfigError, String(error));
        for (const { where } of error.faults) assert.match(where, /:\d+:\d+$/);
      }
    }),
    { numRuns: 1000 },
  );
});

test('any text in any variable gives a configuration or faults with that variable, and nothing else', () => {
  const texts = fc.oneof(
    fc.string({ unit: 'binary' }),
    fc.constantFrom('1', '-1', 'true', '3h', '1KiB', '$'),
  );
  const settings = environmentNames.filter((name) => name !== 'DESPACHANTE_CONFIG');
  fc.assert(
    fc.property(fc.constantFrom(...settings), texts, (name, text) => {
      try {
        loadConfig({ env: { [name]: text } });
      } catch (error) {
        assert.ok(error instanceof ConfigError, String(error));
        for (const { where } of error.faults) assert.equal(where, `environment ${name}`);
      }
    }),
    { numRuns: 1000 },
  );
});
