/** `despachante start`: everything at once, and nothing left behind. */
import assert from 'node:assert/strict';
import { once } from 'node:events';
import { mkdirSync, readFileSync, readdirSync, statSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:net';
import { join } from 'node:path';
import { after, afterEach, test } from 'node:test';
import { z } from 'zod';
import { DEFAULTS } from '../../src/config/schema.ts';
import { eventually } from '../helpers/eventually.ts';
import { run, start as spawnCli } from '../commands/cli.ts';
import { noKafka } from '../helpers/kafka.ts';
import { testDatabase, uniqueName } from '../helpers/servers.ts';
import { startSystem } from '../helpers/system.ts';

/** Only its queues, its database and its names: the processes are those of `start`. */
const system = await startSystem({ after, afterEach }, { roles: [] });

/** The servers as if `npm start` had brought them up; some of them, where others are somebody else's. */
function instanceOf(name: string, addresses: Partial<Record<string, string>>): string {
  const folder = join(system.folder, name);
  mkdirSync(folder);
  const engines = { some: { addresses } };
  writeFileSync(join(folder, 'state.json'), JSON.stringify({ engines }));
  return folder;
}

const { amqpUrl, mongodbUri, temporalAddress } = system.config;
const own = { AMQP_URL: amqpUrl, MONGODB_URI: mongodbUri, TEMPORAL_ADDRESS: temporalAddress };
const instance = instanceOf('instance', own);
const env = {
  ...system.env,
  DESPACHANTE_INSTANCE: instance,
  // Empty counts as not set: then "start" brings a simulator.
  LEGACY_URL: '',
};

/** Processes that carry our queue in their environment. Only Linux lets one see that; elsewhere nothing is found. */
function left(): string[] {
  if (process.platform !== 'linux') return [];
  const mark = system.config.rabbit.intakeQueue;
  return readdirSync('/proc').filter((pid) => {
    if (!/^\d+$/.test(pid)) return false;
    try {
      return readFileSync(`/proc/${pid}/environ`, 'latin1').includes(mark);
    } catch {
      return false; // gone, or somebody else's
    }
  });
}

const nothingIsLeft = () =>
  eventually('no process is left behind', () => assert.deepEqual(left(), []));

const reportSchema = z.object({
  settled: z.number(),
  byOutcome: z.record(z.string(), z.number()),
  audit: z.record(z.string(), z.union([z.boolean(), z.number()])),
});

test('start --exit runs through, proves its sum, and leaves no process behind', async () => {
  const data = join(system.folder, 'data');
  const child = spawnCli(
    ['start', '--count', '50', '--exit', '--json', '--data', data],
    system.folder,
    env,
  );
  let stdout = '';
  let stderr = '';
  child.stdout.on('data', (chunk: Buffer) => (stdout += chunk.toString()));
  child.stderr.on('data', (chunk: Buffer) => (stderr += chunk.toString()));
  await once(child, 'close');
  assert.equal(child.exitCode, 0, stderr);
  const { settled, byOutcome, audit } = reportSchema.parse(JSON.parse(stdout));
  assert.equal(settled, 50);
  assert.deepEqual(audit, {
    holds: true,
    lost: 0,
    filedTwice: 0,
    settledTwice: 0,
    inDoubt: 0,
    takenByOthers: 0,
  });
  assert.equal(
    Object.values(byOutcome).reduce((sum, count) => sum + count, 0),
    50,
  );
  await nothingIsLeft();
});

const workersSchema = z.object({
  workers: z.array(z.object({ worker: z.string(), byOutcome: z.record(z.string(), z.number()) })),
});

const kafka = process.env['KAFKA_BOOTSTRAP_SERVERS'] ?? '';

test(
  'start --with-workers runs two examples, on Kafka and on RabbitMQ, and reports their ends',
  { skip: noKafka },
  async () => {
    const withKafka = instanceOf('with-kafka', { ...own, KAFKA_BOOTSTRAP_SERVERS: kafka });
    const { code, stdout, stderr } = await run(
      [
        'start',
        '--with-workers',
        '--count',
        '5',
        '--exit',
        '--json',
        '--data',
        join(system.folder, 'workers'),
      ],
      { cwd: system.folder, env: { ...env, DESPACHANTE_INSTANCE: withKafka } },
    );
    assert.equal(code, 0, stderr);
    assert.deepEqual(
      workersSchema
        .parse(JSON.parse(stdout))
        .workers.map(({ worker, byOutcome }) => ({ worker, byOutcome })),
      [
        { worker: 'EmailWorker', byOutcome: { done: 9, exhausted: 1 } },
        { worker: 'UserHandler', byOutcome: { done: 10 } },
      ],
    );
    await nothingIsLeft();
  },
);

test('start --with-workers sends nothing to a server that was not brought up here', async () => {
  const { code, stderr } = await run(['start', '--with-workers', '--exit'], {
    cwd: system.folder,
    env,
  });
  assert.equal(code, 2);
  assert.match(stderr, /not brought up here: \S+ \(KAFKA_BOOTSTRAP_SERVERS\)/);
});

test('without a key one is made beside the data of the servers, for this user alone, and with it everything is encrypted', async (t) => {
  const data = join(instance, 'start');
  const args = ['start', '--count', '5', '--exit', '--json'];
  // Of its own: in that of the others all encrypt with the key of the tests.
  const { databaseName } = (await testDatabase(t)).db;
  const keyless = {
    ...env,
    ENCRYPTION_KEYS: '',
    DESPACHANTE_MONGODB_DATABASE: databaseName,
    DESPACHANTE_TEMPORAL_TASK_QUEUE: databaseName,
  };
  const child = spawnCli(args, system.folder, keyless);
  let stderr = '';
  child.stderr.on('data', (chunk: Buffer) => (stderr += chunk.toString()));
  child.stdout.resume();
  await once(child, 'close');
  assert.equal(child.exitCode, 0, stderr);
  const file = join(instance, 'encryption.key');
  assert.equal(statSync(file).mode & 0o777, 0o600);
  assert.doesNotMatch(readFileSync(join(data, 'worker.log'), 'utf8'), /NOT ENCRYPTED/);
  const { code, stdout } = await run(['audit'], {
    cwd: system.folder,
    env: { ...keyless, LEGACY_URL: 'http://127.0.0.1:9' },
  });
  assert.equal(code, 0, stdout);
  await nothingIsLeft();
});

test('where the port that LEGACY_URL has by default is taken, the simulator takes another one, and that is told', async (t) => {
  const taken = createServer().listen(Number(new URL(DEFAULTS.legacyUrl).port), '127.0.0.1');
  // By somebody else on this machine: just as well.
  await new Promise((resolve) => taken.once('listening', resolve).once('error', resolve));
  t.after(() => taken.close());
  const data = join(system.folder, 'taken');
  const args = ['start', '--count', '0', '--exit', '--data', data];
  const { code, stdout, stderr } = await run(args, { cwd: system.folder, env });
  assert.equal(code, 0, stderr);
  assert.match(stderr, /Port 9997 is taken/);
  assert.match(stdout, /legacy system +http:\/\/127\.0\.0\.1:(?!9997)\d+/);
  await nothingIsLeft();
});

/** Its queues and its database as somebody else's, and the legacy system in this test as a real one. */
const theirs = { ...system.env, DESPACHANTE_INSTANCE: '', LEGACY_URL: system.simulator.url };
const hosts = [
  new URL(amqpUrl).host,
  mongoHost(),
  temporalAddress,
  new URL(theirs.LEGACY_URL).host,
];

function mongoHost(): string {
  return /\/\/(?:[^@]*@)?([^/?]+)/.exec(mongodbUri)?.[1] ?? '';
}

/** What an invented registration would leave behind. */
async function traces(): Promise<number> {
  const claims = await system.store.claims.collection.countDocuments();
  return claims + system.simulator.ledger().length;
}

const startThere = (more: Record<string, string>, ...args: string[]) =>
  run(['start', '--exit', '--data', join(system.folder, 'there'), ...args], {
    cwd: system.folder,
    env: { ...theirs, ...more },
  });

test('to servers that others have brought up nothing is published, and that is told with the way to do it', async () => {
  const before = await traces();
  const { code, stderr, stdout } = await startThere({});
  assert.equal(code, 0, stderr);
  assert.match(
    stderr,
    /Nothing was published: .*\(AMQP_URL\).*\(LEGACY_URL\).*--count <n> --confirm-host/s,
  );
  assert.match(stdout, /legacy system +http/);
  assert.equal(await traces(), before);
  await nothingIsLeft();
});

test('while it runs on others’ servers nobody is shown how to publish more inventions to them', async () => {
  const data = join(system.folder, 'running');
  const child = spawnCli(['start', '--count', '0', '--data', data], system.folder, {
    ...env,
    ...theirs,
  });
  const closed = once(child, 'close');
  let stderr = '';
  child.stdout.resume();
  child.stderr.on('data', (chunk: Buffer) => (stderr += chunk.toString()));
  await eventually('it runs', () => assert.match(stderr, /Running; Ctrl-C ends it/));
  child.kill('SIGINT');
  await closed;
  assert.doesNotMatch(stderr, /publish --count/);
  await nothingIsLeft();
});

test('where some servers are others’ and some ours nothing is even started, whichever they are', async () => {
  const before = await traces();
  const mixtures: Record<string, string>[] = [
    { DESPACHANTE_INSTANCE: instance },
    { LEGACY_URL: '' },
    { DESPACHANTE_INSTANCE: instanceOf('no-broker', { ...own, AMQP_URL: '' }), LEGACY_URL: '' },
    { DESPACHANTE_INSTANCE: instanceOf('no-store', { ...own, MONGODB_URI: '' }), LEGACY_URL: '' },
    {
      DESPACHANTE_INSTANCE: instanceOf('no-temporal', { ...own, TEMPORAL_ADDRESS: '' }),
      LEGACY_URL: '',
    },
  ];
  for (const mixture of mixtures) {
    const { code, stderr } = await startThere(mixture);
    assert.equal(code, 2, stderr);
    assert.match(stderr, /Nothing was published, and nothing started.*--confirm-host/s);
  }
  assert.equal(await traces(), before);
});

test('a number of samples goes to others’ servers only when each host is named', async () => {
  const before = await traces();
  const some = await startThere({}, '--count', '3', '--confirm-host', hosts[0] ?? '');
  assert.equal(some.code, 2, some.stderr);
  assert.doesNotMatch(some.stderr, /\(AMQP_URL\)/);
  assert.match(
    some.stderr,
    /\(LEGACY_URL\).*3 invented registrations would be published and filed/s,
  );
  assert.equal(await traces(), before);
  const named = hosts.flatMap((host) => ['--confirm-host', host]);
  const { code, stderr } = await startThere({}, '--count', '3', ...named);
  assert.equal(code, 0, stderr);
  assert.ok((await traces()) >= before + 6, 'three claims, and three that were filed or refused');
  await nothingIsLeft();
});

test('the ledgers of another system are set aside, and come back with it: none of its registrations is lost', async (t) => {
  const data = join(system.folder, 'shared');
  const other = await testDatabase(t);
  const args = ['start', '--count', '4', '--exit', '--json', '--data', data];
  const quick = { DESPACHANTE_MONGODB_DATABASE: other.db.databaseName };
  const taskQueue = { DESPACHANTE_TEMPORAL_TASK_QUEUE: other.db.databaseName };
  for (const more of [{}, { ...quick, ...taskQueue }, {}]) {
    const { code, stdout, stderr } = await run(args, {
      cwd: system.folder,
      env: { ...env, ...more },
    });
    assert.equal(code, 0, stderr);
    const { audit } = reportSchema.parse(JSON.parse(stdout));
    assert.deepEqual([audit['holds'], audit['lost']], [true, 0]);
  }
  const files = readdirSync(data).filter((name) => name.endsWith('.jsonl'));
  assert.equal(files.length, 4, String(files));
  const lines = readFileSync(join(data, 'published.jsonl'), 'utf8').trim().split('\n');
  assert.equal(lines.length, 1 + 4 + 4, 'its name, and those of both times');
  await nothingIsLeft();
});

test('Ctrl-C in the middle drains: what was taken stays in Temporal, and no process is left behind', async () => {
  const data = join(system.folder, 'interrupted');
  const slow = {
    DESPACHANTE_LEGACY_EXPECTED_LATENCY_MIN: '10s',
    DESPACHANTE_LEGACY_EXPECTED_LATENCY_MAX: '20s',
  };
  const child = spawnCli(
    ['start', '--count', '30', '--exit', '--json', '--data', data],
    system.folder,
    { ...env, ...slow },
  );
  const closed = once(child, 'close');
  child.stdout.resume();
  child.stderr.resume();
  const open = () => system.store.claims.collection.countDocuments({ settledAt: null });
  await eventually('its registrations are in flight', async () => assert.equal(await open(), 30));
  child.kill('SIGINT');
  await closed;
  assert.equal(child.exitCode, 130);
  await nothingIsLeft();
  assert.ok((await open()) > 0, 'nothing was left to be brought on later');
});

test('start is the first to come to an empty database, and all that it starts goes on there', async (t) => {
  const database = uniqueName();
  t.after(() => system.store.db.client.db(database).dropDatabase());
  const data = join(system.folder, 'first');
  const { code, stderr } = await run(['start', '--count', '0', '--exit', '--data', data], {
    cwd: system.folder,
    env: { ...env, DESPACHANTE_MONGODB_DATABASE: database },
  });
  assert.equal(code, 0, stderr);
});
