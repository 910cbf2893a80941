import assert from 'node:assert/strict';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test, type TestContext } from 'node:test';
import { followFile } from '../../src/commands/follow-file.ts';
import { ConfigError } from '../../src/config/faults.ts';
import type { Log } from '../../src/runtime/log.ts';
import { eventually } from '../helpers/eventually.ts';

/** A file whose change is done by what a test says, and what the log has of it. */
function followed(t: TestContext, apply: () => void) {
  const folder = mkdtempSync(join(tmpdir(), 'despachante-follow-'));
  const file = join(folder, 'folders.yaml');
  const said: string[] = [];
  const write = (_: object, sentence: string): void => void said.push(sentence.replace(file, 'it'));
  const log: Log = { debug: write, info: write, warn: write, error: write };
  writeFileSync(file, 'one');
  let tries = 0;
  const following = followFile(
    file,
    () => {
      tries += 1;
      return Promise.resolve().then(apply);
    },
    log,
  );
  t.after(async () => {
    await following.close();
    rmSync(folder, { recursive: true });
  });
  return {
    ...following,
    said,
    tries: () => tries,
    change: (to: string) => writeFileSync(file, to),
  };
}

test('a change that cannot be done is told once, and counts as done only when it is', async (t) => {
  let fault: Error | null = null;
  const file = followed(t, () => {
    if (fault !== null) throw fault;
  });
  await file.run();
  assert.deepEqual([file.tries(), file.said], [1, []]);
  fault = new Error('authorization_env names TOKEN, and that variable is not set');
  file.change('two, longer');
  for (let n = 0; n < 3; n += 1) await file.run();
  assert.ok(file.tries() >= 4);
  assert.deepEqual(file.said, ['it was changed, and not all of it can be done: it is tried again']);
  fault = new ConfigError([{ where: 'it:1', path: '', expected: 'a list', got: 'nothing' }]);
  file.change('three, and longer');
  for (let n = 0; n < 3; n += 1) await file.run();
  assert.deepEqual(file.said.slice(1), ['it has faults: the folders stay as they were']);
  fault = null;
  file.change('four, and longer than that');
  await file.run();
  assert.deepEqual(file.said.slice(2), ['it is followed again']);
});

test('a change is done by itself, and nothing where there is none', async (t) => {
  const file = followed(t, () => {});
  await eventually('the first look', () => assert.equal(file.tries(), 1));
  await file.run();
  assert.equal(file.tries(), 1);
  file.change('two, longer');
  await eventually('the change is done', () => assert.equal(file.tries(), 2));
});
