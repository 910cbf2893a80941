import assert from 'node:assert/strict';
import { test } from 'node:test';
import { createRecorder } from '../../../activities/tasks/recorder.ts';
import type { Recorded } from '../../../src/tasks/claims.ts';

const recorded = (claim: string): Recorded => ({
  ...{ claim, attempts: 1, startedAt: new Date(), finishedAt: new Date(), error: null },
});
const turn = (): Promise<void> => new Promise((resolve) => setImmediate(resolve));
const claimsOf = (all: readonly Recorded[]): string[] => all.map(({ claim }) => claim);

test('what ends while a statement is under way goes with the next, those of each run for themselves', async () => {
  const statements: [string, string[]][] = [];
  const first = Promise.withResolvers<void>();
  const { record } = createRecorder(async (all, run) => {
    statements.push([run, claimsOf(all)]);
    if (statements.length === 1) await first.promise;
    return new Set();
  });
  const ends = [record(recorded('a'), 'run-1'), record(recorded('b'), 'run-1')];
  ends.push(record(recorded('c'), 'run-1'), record(recorded('d'), 'run-2'));
  first.resolve();
  await Promise.all(ends);
  assert.deepEqual(statements, [
    ['run-1', ['a']],
    ['run-2', ['d']],
    ['run-1', ['b', 'c']],
  ]);
});

test('a MongoDB that is away for a moment is told again, and nobody has to handle a task again for it', async () => {
  let tries = 0;
  const { record } = createRecorder(() => {
    tries += 1;
    return tries === 1
      ? Promise.reject(new Error('MongoDB is away'))
      : Promise.resolve(new Set<string>());
  });
  await record(recorded('a'), 'run-1');
  assert.equal(tries, 2);
});

test('what a statement has not reached fails by itself, so that it is not taken for written', async () => {
  const { record } = createRecorder(() => Promise.resolve(new Set(['b'])));
  const ends = await Promise.allSettled(
    ['a', 'b'].map((claim) => record(recorded(claim), 'run-1')),
  );
  assert.deepEqual(
    ends.map(({ status }) => status),
    ['fulfilled', 'rejected'],
  );
});

test('no call begins while the end of another has waited for long to be written down', async () => {
  const clock = { at: 0 };
  const written = [0, 1].map(() => Promise.withResolvers<ReadonlySet<string>>());
  const unwritten = written.values();
  const { record, keptUp } = createRecorder(
    async () => (await unwritten.next().value?.promise) ?? new Set(),
    () => clock.at,
  );
  const first = record(recorded('a'), 'run-1');
  clock.at += 50;
  const second = record(recorded('b'), 'run-2');
  await keptUp();
  clock.at += 60;
  let hasBegun = false;
  const begins = keptUp().then(() => (hasBegun = true));
  await turn();
  assert.equal(hasBegun, false, 'before it is written');
  written[0]?.resolve(new Set());
  await Promise.all([first, begins]);
  clock.at += 60;
  const later = keptUp();
  written[1]?.resolve(new Set(['b']));
  await assert.rejects(second);
  await later;
});
