/** Whose turn it is, over worlds that nobody has thought of; and the file of folders. */
import assert from 'node:assert/strict';
import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { test } from 'node:test';
import fc from 'fast-check';
import { readFolders } from '../../src/config/folders.ts';
import { FILE_BYTES, createSchedule } from '../../src/folders/schedule.ts';
import type { Identity } from '../../src/folders/identity.ts';
import { keptAs, parkedAs, readParked } from '../../src/folders/names.ts';
import { watchFiles, type Ready } from '../../src/folders/readiness.ts';
import { testFolder } from '../helpers/folders.ts';

const folders = fc.array(
  fc.record({
    weight: fc.integer({ min: 1, max: 20 }),
    sizes: fc.array(fc.nat(1e9), { minLength: 1, maxLength: 5 }),
  }),
  { minLength: 1, maxLength: 6 },
);

test('while all have files, none has had more for its weight than another by more than the largest file of both', () => {
  fc.assert(
    fc.property(folders, fc.integer({ min: 1, max: 300 }), (given, turns) => {
      const schedule = createSchedule('fair');
      const had = given.map(() => 0);
      const counts = given.map(() => 0);
      const costOf = (n: number) => {
        const { sizes = [0] } = given[n] ?? {};
        return (sizes[(counts[n] ?? 0) % sizes.length] ?? 0) + FILE_BYTES;
      };
      const most = given.map(({ sizes, weight }) => (Math.max(...sizes) + FILE_BYTES) / weight);
      for (let turn = 0; turn < turns; turn += 1) {
        const lanes = given.map(({ weight }, n) => ({
          ...{ name: String(n), weight },
          next: { bytes: costOf(n) - FILE_BYTES, since: 0 },
        }));
        const n = Number(schedule.next(lanes));
        had[n] = (had[n] ?? 0) + costOf(n) / (given[n]?.weight ?? 1);
        counts[n] = (counts[n] ?? 0) + 1;
      }
      for (const [a, mine] of had.entries())
        for (const [b, other] of had.entries())
          assert.ok(mine - other <= (most[a] ?? 0) + (most[b] ?? 0) + 1e-3);
    }),
  );
});

test('a folder that was away has nothing saved up, and waits for one file of each other at most', () => {
  const schedule = createSchedule('fair');
  const lane = (name: string, bytes: number) => ({ name, weight: 1, next: { bytes, since: 0 } });
  for (let n = 0; n < 100; n += 1) schedule.next([lane('a', 1e6)]);
  const turns = Array.from({ length: 6 }, () => schedule.next([lane('a', 1e6), lane('b', 1e6)]));
  assert.equal(turns.filter((name) => name === 'b').length, 3);
  assert.ok(turns.slice(0, 2).includes('b'));
});

test('oldest takes what was seen first, whatever its size', () => {
  const lanes = [3, 1, 2].map((since) => ({
    name: String(since),
    weight: 1,
    next: { bytes: 9 - since, since },
  }));
  assert.equal(createSchedule('oldest').next(lanes), '1');
});

/** Names that became ready in so many looks at a folder that lists its files in this order; `restless` ones change all the time. */
function readyIn(looks: number, ready: Ready, most: number, names: readonly string[]): string[] {
  const watched = watchFiles(ready, most);
  const found: string[] = [];
  for (let look = 0; look < looks; look += 1) {
    watched.begin();
    for (const name of names.filter((each) => !found.includes(each) && watched.isWatched(each))) {
      const size = name.startsWith('restless') ? look : 1;
      const identity: Identity = {
        ...{ name, size, mtimeNs: '1', ctimeNs: '1', inode: '1', dev: '1' },
      };
      if (watched.see(identity, 100 * look, name.startsWith('marked')) === null) continue;
      watched.forget(name);
      found.push(name);
    }
    watched.end();
  }
  return found;
}

const called = (name: string, count: number): string[] =>
  Array.from({ length: count }, (_, n) => `${name}-${n}`);

test('files that never become ready keep no other from being taken, however many they are', () => {
  const restless = called('restless', 20);
  const calm = called('calm', 8);
  const marked = called('marked', 8);
  const quiet = { kind: 'quiet', ms: 250 } as const;
  for (const most of [5, 20, 27])
    for (const names of [
      [...restless, ...calm],
      [...calm, ...restless],
    ])
      assert.deepEqual(readyIn(100, quiet, most, names).sort(), calm);
  const marker = { kind: 'marker', name: '{name}.done' } as const;
  assert.deepEqual(readyIn(1, marker, 5, [...restless, ...marked]), marked);
});

test('names fit into 255 bytes, and are found again', () => {
  fc.assert(
    fc.property(fc.uint8Array({ minLength: 1, maxLength: 255 }), (bytes) => {
      const name = Buffer.from(bytes).toString('latin1');
      const id = 'ab'.repeat(12);
      const [entry = '', inside] = parkedAs(id, name);
      assert.deepEqual(readParked(entry), { id, name: inside === undefined ? name : '' });
      for (const each of [entry, inside ?? '', keptAs(id, name)]) assert.ok(each.length <= 255);
    }),
  );
});

test('a file of folders tells all its faults at once, each with its line', async (t) => {
  const path = await testFolder(t);
  const file = join(path, 'folders.yaml');
  await writeFile(
    file,
    [
      'folders:',
      '  - name: "a b"',
      '    path: /srv/a',
      '    send: {url: "ftp://x"}',
      '    ready: sometimes',
      '    often: 5s',
      '  - {name: b, path: /srv/b, send: {url: "http://x/{name}"}, weight: 0}',
      'metrics: {url: "https://ana:geheim@x/"}',
    ].join('\n'),
  );
  assert.throws(
    () => readFolders(file),
    ({ message }: Error) => {
      for (const told of [
        /folders.yaml:2:11 .*folders\.0\.name/,
        /folders.yaml:4:17 .*folders\.0\.send\.url/,
        /folders.yaml:5:12 .*quiet: 5s, rename, or marker/,
        /folders.yaml:6:5 .*often/,
        /folders.yaml:7:\d+ .*weight.*a whole number from 1/,
        /folders.yaml:8:\d+ .*metrics\.url: .* with credentials in authorization_env instead/,
      ])
        assert.match(message, told);
      assert.doesNotMatch(message, /geheim/);
      return true;
    },
  );
});
