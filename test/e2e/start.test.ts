/** `despachante start`: everything at once, and nothing left behind. */
import assert from 'node:assert/strict';
import { once } from 'node:events';
import { readFileSync, readdirSync } from 'node:fs';
import { join } from 'node:path';
import { after, afterEach, test } from 'node:test';
import { eventually } from '../helpers/eventually.ts';
import { start as spawnCli } from '../commands/cli.ts';
import { startSystem } from '../helpers/system.ts';

/** Only its queues, its database and its names: the processes are those of `start`. */
const system = await startSystem({ after, afterEach }, { roles: [] });
const { LEGACY_URL: _, ...quick } = system.env;
const env = {
  ...quick,
  DESPACHANTE_LEGACY_EXPECTED_LATENCY_MIN: '10s',
  DESPACHANTE_LEGACY_EXPECTED_LATENCY_MAX: '20s',
  LEGACY_URL: '',
};

/** Processes of this machine that carry our queue in their environment. */
function left(): string[] {
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
  const report: unknown = JSON.parse(stdout);
  assert.ok(typeof report === 'object' && report !== null);
  assert.ok('audit' in report && 'settled' in report && 'byOutcome' in report, stdout);
  const { audit, settled, byOutcome } = report;
  assert.equal(settled, 50);
  assert.deepEqual(audit, { holds: true, lost: 0, filedTwice: 0, settledTwice: 0, inDoubt: 0 });
  const total = Object.values(Object(byOutcome)).reduce<number>((sum, n) => sum + Number(n), 0);
  assert.equal(total, 50);
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
  assert.ok((await open()) > 0);
});
