/** How handlers and their processes end. */
import assert from 'node:assert/strict';
import { execFileSync, spawn } from 'node:child_process';
import { once } from 'node:events';
import { test } from 'node:test';
import { fileURLToPath } from 'node:url';
import { eventually } from '../helpers/eventually.ts';
import { fixture, startCaller } from '../helpers/handlers.ts';

/** A process that nobody has waited for yet is over all the same. */
function isAlive(pid: number): boolean {
  try {
    const state = execFileSync('ps', ['-o', 'stat=', '-p', String(pid)], { encoding: 'utf8' });
    return !state.startsWith('Z');
  } catch {
    return false;
  }
}

const pidOf = (ended: { kind: string; result?: unknown }): number =>
  typeof ended.result === 'number' ? ended.result : 0;

test('a stop begins no call, lets running ones finish, and leaves no process', async (t) => {
  const { caller, call, gate, open, told } = startCaller(t, { concurrency: 2 });
  const all = ['a', 'b'].map((id) => call(id, { act: 'hold', until: gate('open') }));
  const waiting = call('waiting', { act: 'echo' });
  await told('begun', 2);
  const stopped = caller.stop(600_000);
  assert.equal((await waiting).kind, 'interrupted');
  assert.equal((await call('late', { act: 'echo' })).kind, 'interrupted');
  open('open');
  const ends = await Promise.all(all);
  assert.deepEqual(
    ends.map(({ kind }) => kind),
    ['done', 'done'],
  );
  await stopped;
  for (const ended of ends) assert.equal(isAlive(pidOf(ended)), false);
});

test('a stop that has waited aborts the signals, and kills who does not heed them', async (t) => {
  const { caller, call, gate, told, lines } = startCaller(t);
  const echo = await call('echo', { act: 'echo' });
  const heeding = call('heeding', { act: 'hold', until: gate('never') });
  const deaf = call('deaf', { act: 'hold', until: gate('never'), deaf: true });
  const alone = call('alone', { act: 'block' }, { alone: true });
  await told('begun', 3);
  await caller.stop(100);
  const kinds = (await Promise.all([heeding, deaf, alone])).map(({ kind }) => kind);
  assert.deepEqual(kinds, ['interrupted', 'interrupted', 'interrupted']);
  await told('heard StoppingError', 2);
  assert.equal(isAlive(pidOf(echo)), false);
  assert.deepEqual(
    lines.filter(({ level }) => level === 'error'),
    [],
  );
});

test('new code comes in a new process, and who does not finish in the old one is interrupted', async (t) => {
  const { caller, call, gate, open, told } = startCaller(t);
  const first = await call('first', { act: 'echo' });
  const finishing = call('finishing', { act: 'hold', until: gate('open') });
  const deaf = call('deaf', { act: 'hold', until: gate('never') });
  await told('begun', 2);
  caller.replace(fixture('acts', 'another'));
  open('open');
  const next = await call('next', { act: 'echo' });
  assert.notDeepEqual(first, next);
  assert.equal((await finishing).kind, 'done');
  assert.equal((await deaf).kind, 'interrupted');
});

test('a parent that is killed leaves no process, not even one that is blocked', async () => {
  const parent = spawn(
    process.execPath,
    [fileURLToPath(new URL('./fixtures/parent.js', import.meta.url))],
    { stdio: ['ignore', 'pipe', 'inherit'] },
  );
  const text = String(await once(parent.stdout.setEncoding('utf8'), 'data'));
  const pids = text.trim().split(' ').map(Number);
  assert.equal(pids.length, 2);
  assert.ok(pids.every((pid) => pid > 0 && isAlive(pid)));
  parent.kill('SIGKILL');
  await eventually('both are gone', () => assert.deepEqual(pids.filter(isAlive), []), 30_000);
});
