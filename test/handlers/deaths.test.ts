/** Handlers that end their process. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { Ended } from '../../src/workers/call.ts';
import { callOf, fixture, startCaller } from '../helpers/handlers.ts';
import type { Act } from './fixtures/acts.ts';

const WAYS: [how: string, act: Act, reason: RegExp, options?: string][] = [
  ['process.exit', { act: 'exit', code: 3 }, /^exit code 3$/],
  ['process.exit as if all were well', { act: 'exit', code: 0 }, /^exit code 0$/],
  ['a signal', { act: 'kill' }, /^signal SIGKILL$/],
  [
    'an error that nobody catches',
    { act: 'throw-later' },
    /^exit code 1: Error: nobody catches this/,
  ],
  [
    'a rejection that nobody awaits',
    { act: 'reject-later' },
    /^exit code 1: Error: nobody awaits this/,
  ],
  [
    'memory that is all used',
    { act: 'memory' },
    /^signal SIGABRT: FATAL ERROR: .*heap out of memory/,
    '--max-old-space-size=40',
  ],
];

for (const [how, act, reason, options = ''] of WAYS)
  test(`${how} ends what runs in the process as crashed, and nothing else`, async (t) => {
    const { call, gate, told } = startCaller(t, { concurrency: 2, env: { NODE_OPTIONS: options } });
    assert.equal((await call('before', { act: 'echo' })).kind, 'done');
    const neighbour = call('neighbour', { act: 'hold', until: gate('never') });
    await told('begun neighbour');
    const guilty = call('guilty', act);
    const waiting = call('waiting', { act: 'echo' });
    const ends = await Promise.all([guilty, neighbour]);
    for (const ended of ends) assert.match(reasonOf(ended), reason);
    assert.equal((await waiting).kind, 'done');
    assert.match((await told('The handler process died')).level, /error/);
  });

const reasonOf = (ended: Ended): string => (ended.kind === 'crashed' ? ended.reason : ended.kind);

test('a call that has ended before its process dies is not made again', async (t) => {
  const { call } = startCaller(t);
  await call('before', { act: 'echo' });
  const ends = await Promise.all([
    call('ended', { act: 'echo' }),
    call('guilty', { act: 'exit', code: 1, now: true }),
  ]);
  assert.deepEqual(
    ends.map(({ kind }) => kind),
    ['done', 'crashed'],
  );
});

test('a call that dies alone takes nobody along, and the next one runs alone again', async (t) => {
  const { call, gate, open, told } = startCaller(t);
  const other = call('other', { act: 'hold', until: gate('open') });
  await told('begun other');
  const suspects = await Promise.all([
    call('guilty', { act: 'exit', code: 9 }, { alone: true }),
    call('innocent', { act: 'echo' }, { alone: true }),
    call('second', { act: 'echo' }, { alone: true }),
  ]);
  assert.deepEqual(
    suspects.map(({ kind }) => kind),
    ['crashed', 'done', 'done'],
  );
  const [, innocent, second] = suspects;
  open('open');
  const kept = await other;
  assert.equal(kept.kind, 'done');
  // One process for both, which is not that of the others.
  assert.deepEqual(innocent, second);
  assert.notDeepEqual(innocent, kept);
});

test('calls that run alone do so one at a time', async (t) => {
  const { call, gate, open, told, lines } = startCaller(t);
  const first = call('first', { act: 'hold', until: gate('open') }, { alone: true });
  const second = call('second', { act: 'hold', until: gate('open') }, { alone: true });
  await told('begun first');
  assert.deepEqual((await call('other', { act: 'echo' })).kind, 'done');
  assert.ok(!lines.some(({ sentence }) => sentence === 'begun second'));
  open('open');
  assert.deepEqual(await first, await second);
});

test('a call is noted when its handler begins, and not while it waits for that', async (t) => {
  const { caller, gate, open, call, told } = startCaller(t, { concurrency: 1 });
  const first = call('first', { act: 'hold', until: gate('open') });
  await told('begun first');
  const seen: string[] = [];
  const noted = (): Promise<void> => Promise.resolve(void seen.push('noted'));
  const second = caller.call(callOf('second', { act: 'echo' }), { alone: true, noted });
  seen.push('first ends');
  open('open');
  await first;
  assert.equal((await second).kind, 'done');
  assert.deepEqual(seen, ['first ends', 'noted']);
});

test('a call that cannot be noted, or whose process dies first, is interrupted, and its handler does not run', async (t) => {
  const { caller, call, lines } = startCaller(t);
  const noted = (): Promise<void> => Promise.reject(new Error('MongoDB is away'));
  const unnoted = await caller.call(callOf('a', { act: 'echo' }), { noted });
  assert.deepEqual(unnoted, { kind: 'interrupted' });
  const never = { noted: () => new Promise<void>(() => {}) };
  const waiting = caller.call(callOf('b', { act: 'hold', until: '' }), never);
  assert.equal((await call('guilty', { act: 'exit', code: 1 })).kind, 'crashed');
  assert.deepEqual(await waiting, { kind: 'interrupted' });
  const begun = lines.filter(({ sentence }) => /^begun [ab]/.test(sentence));
  assert.deepEqual(begun, []);
});

test('handlers that do not start are told, and calls wait until they do', async (t) => {
  const { caller, call, told, lines } = startCaller(t, { module: fixture('broken') });
  const ended = call('a', { act: 'echo', value: 1 });
  await told('The handlers do not start', 3);
  const [fault] = lines.filter(({ level }) => level === 'error');
  assert.match(JSON.stringify(fault), /Error: no mail server is configured/);
  caller.replace(fixture('acts'));
  assert.equal((await ended).kind, 'done');
});

test('handlers whose file never ends its import are told with the file', async (t) => {
  const { told } = startCaller(t, {
    ...{ module: fixture('endless'), file: 'workers/mail.ts', slowStartMs: 200 },
  });
  const line = await told('The handlers do not start yet');
  assert.equal('file' in line.facts && line.facts.file, 'workers/mail.ts');
});
