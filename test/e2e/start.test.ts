/** `despachante start`: everything at once, and nothing left behind. */
import assert from 'node:assert/strict';
import { once } from 'node:events';
import { readFileSync, readdirSync, statSync } from 'node:fs';
import { createServer } from 'node:net';
import { join } from 'node:path';
import { after, afterEach, test } from 'node:test';
import { z } from 'zod';
import { DEFAULTS } from '../../src/config-schema.ts';
import { eventually } from '../helpers/eventually.ts';
import { run, start as spawnCli } from '../commands/cli.ts';
import { startSystem } from '../helpers/system.ts';

/** Only its queues, its database and its names: the processes are those of `start`. */
const system = await startSystem({ after, afterEach }, { roles: [] });
const env = {
  ...system.env,
  DESPACHANTE_LEGACY_EXPECTED_LATENCY_MIN: '10s',
  DESPACHANTE_LEGACY_EXPECTED_LATENCY_MAX: '20s',
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
  assert.deepEqual(audit, { holds: true, lost: 0, filedTwice: 0, settledTwice: 0, inDoubt: 0 });
  assert.equal(
    Object.values(byOutcome).reduce((sum, count) => sum + count, 0),
    50,
  );
  await nothingIsLeft();
});

test('without a key one is made, for this user alone, and with it everything is encrypted and told', async () => {
  const data = join(system.folder, 'keyed');
  const args = ['start', '--count', '5', '--exit', '--json', '--data', data];
  const child = spawnCli(args, system.folder, { ...env, ENCRYPTION_KEYS: '' });
  let stderr = '';
  child.stderr.on('data', (chunk: Buffer) => (stderr += chunk.toString()));
  child.stdout.resume();
  await once(child, 'close');
  assert.equal(child.exitCode, 0, stderr);
  const file = join(system.folder, 'data', 'encryption.key');
  assert.equal(statSync(file).mode & 0o777, 0o600);
  assert.doesNotMatch(readFileSync(join(data, 'worker.log'), 'utf8'), /NOT ENCRYPTED/);
  const { code, stdout } = await run(['audit'], {
    cwd: system.folder,
    env: { ...env, ENCRYPTION_KEYS: '', LEGACY_URL: 'http://127.0.0.1:9' },
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

test('Ctrl-C in the middle drains: what was taken stays in Temporal, and no process is left behind', async () => {
  const data = join(system.folder, 'interrupted');
  const child = spawnCli(
    ['start', '--count', '30', '--exit', '--json', '--data', data],
    system.folder,
    env,
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
