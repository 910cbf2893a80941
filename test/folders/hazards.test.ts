/** What happens to files in the field, on a real file system: what is ready, what is not, and what changes under the sender. */
import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { existsSync } from 'node:fs';
import {
  appendFile,
  chmod,
  mkdir,
  readdir,
  readFile,
  rename,
  rm,
  symlink,
  truncate,
  utimes,
  writeFile,
} from 'node:fs/promises';
import { join } from 'node:path';
import { test, type TestContext } from 'node:test';
import type { Delivery } from '../../src/broker/source.ts';
import { createCollector } from '../../src/folders/collector.ts';
import { decodeFile, encodeFile } from '../../src/folders/identity.ts';
import { pathIn, shownName } from '../../src/folders/names.ts';
import { placeOf } from '../../src/folders/place.ts';
import type { Ready } from '../../src/folders/readiness.ts';
import { removeOld } from '../../src/folders/retention.ts';
import { scan } from '../../src/folders/scan.ts';
import { createSender } from '../../src/folders/sender.ts';
import { openFolder } from '../../src/folders/source.ts';
import { readStatus } from '../../src/folders/status.ts';
import type { Delivered, Parcel } from '../../src/outbound/deliver.ts';
import { silent } from '../../src/runtime/log.ts';
import type { Ended } from '../../src/workers/call.ts';
import { eventually } from '../helpers/eventually.ts';
import { testFolder } from '../helpers/folders.ts';
import { atEnd } from '../helpers/servers.ts';

const RENAME: Ready = { kind: 'rename' };
const IN_MEMORY = '/dev/shm';

/** A folder that is looked at, with what it has delivered; nothing is sent unless it is told to. */
async function watched(
  t: TestContext,
  ready: Ready,
  deliver?: (parcel: Parcel) => Promise<Delivered>,
  given?: string,
) {
  const path = given ?? (await testFolder(t));
  const place = placeOf(path);
  const collector = createCollector('fair');
  const common = { name: 'inbox', path, ready, empty: 'send' } as const;
  const delivered: Delivery[] = [];
  const open = openFolder({
    folder: { ...common, every: 20, weight: 1 },
    ...{ place, collector, host: 'here', log: silent },
    recover: () => Promise.resolve([]),
    movedBack: () => Promise.resolve(),
  });
  const source = await open((delivery) => void delivered.push(delivery));
  atEnd(t, () => source.close());
  await source.resume();
  await eventually('it has come to the folder', () => assert.ok(source.isReady()));
  const send = createSender({
    folder: { ...common, onUnknown: 'resubmit', maxAge: 60_000, concurrency: 2 },
    ...{ place, host: 'here' },
    deliver: deliver ?? (() => Promise.resolve({ kind: 'ack', status: 200 })),
    ended: collector.ended,
  });
  return {
    ...{ path, place, delivered },
    names: () => delivered.map(({ body }) => shownName(decodeFile(body).identity.name)).sort(),
    looks: async (count = 3) => {
      const seen = new Set<number>();
      await eventually(`${count} more looks`, async () => {
        seen.add((await readStatus(path))?.at.getTime() ?? 0);
        assert.ok(seen.size > count);
      });
    },
    passed: async () => (await readStatus(path))?.passed ?? {},
    send: ({ body, messageId }: Delivery): Promise<Ended> =>
      send(
        {
          ...{ id: messageId ?? '', attempt: 1, isLastAttempt: false, key: null, headers: {} },
          ...{ receivedAt: Date.now(), body: body.toString('base64') },
        },
        new AbortController().signal,
      ),
  };
}

const resultOf = (ended: Ended | undefined): unknown =>
  ended?.kind === 'done' ? ended.result : ended;

test('a file that grows, or keeps an old time, is not ready until it was quiet for as long by our clock', async (t) => {
  const { path, names, looks } = await watched(t, { kind: 'quiet', ms: 3_000 });
  const file = join(path, 'grows.csv');
  for (let n = 0; n < 5; n += 1) {
    await appendFile(file, `${n}\n`);
    await looks();
    assert.deepEqual(names(), []);
  }
  await eventually('it is ready', () => assert.deepEqual(names(), ['grows.csv']));
});

test('a file with a marker waits for it, and the marker is never sent', async (t) => {
  const { path, names, looks } = await watched(t, { kind: 'marker', name: '{name}.done' });
  await writeFile(join(path, 'a.csv'), 'a');
  await looks();
  assert.deepEqual(names(), []);
  await writeFile(join(path, 'a.csv.done'), '');
  await eventually('it is ready', () => assert.deepEqual(names(), ['a.csv']));
  await looks();
  assert.deepEqual(names(), ['a.csv']);
});

test('unfinished names, folders, links, pipes and what leads elsewhere are never taken', async (t) => {
  const { path, names, looks, passed } = await watched(t, RENAME);
  for (const name of ['.hidden', 'a.tmp', 'b.part', '~$c.docx'])
    await writeFile(join(path, name), 'x');
  await symlink('/etc/passwd', join(path, 'link'));
  await symlink('..', join(path, 'up'));
  assert.equal(spawnSync('mkfifo', [join(path, 'pipe')]).status, 0);
  await mkdir(join(path, 'folder'));
  await looks();
  assert.deepEqual(names(), []);
  const { ignored, 'not-regular': odd } = await passed();
  assert.equal(ignored?.count, 4);
  assert.deepEqual(odd?.some.sort(), ['link', 'pipe', 'up']);
});

test('names that are no UTF-8, or are as long as can be, are taken, sent and kept', async (t) => {
  const parcels: Parcel[] = [];
  const { path, delivered, names, send, place } = await watched(t, RENAME, (parcel) => {
    parcels.push(parcel);
    return Promise.resolve({ kind: 'ack', status: 200 });
  });
  const long = 'x'.repeat(255);
  await writeFile(pathIn(path, 'caf\xe9\n'), 'a');
  await writeFile(pathIn(path, long), 'b');
  await eventually('both are ready', () => assert.deepEqual(names(), ['caf%E9%0A', long]));
  for (const delivery of delivered) {
    const ended = await send(delivery);
    assert.equal(ended.kind, 'done');
    const { name } = decodeFile(delivery.body).identity;
    await place.keep(
      { id: delivery.messageId?.slice(-24) ?? '', name, marker: null },
      'done',
      '2026-01-01',
    );
  }
  const encoded = parcels.map(({ headers }) => headers['x-file-name']).sort();
  assert.deepEqual(encoded, ['caf%E9%0A', long]);
  assert.equal((await readdir(join(path, 'done/2026-01-01'))).length, 2);
  assert.deepEqual(await readdir(join(path, '.despachante/sending')), []);
});

test('what vanishes or is replaced before it is taken is gone or changed, and is no failure', async (t) => {
  const { path, delivered, names, send } = await watched(t, RENAME);
  await writeFile(join(path, 'a'), 'a');
  await writeFile(join(path, 'b'), 'b');
  await eventually('both are ready', () => assert.deepEqual(names(), ['a', 'b']));
  const [a, b] = ['a', 'b'].map((name) =>
    delivered.find(({ body }) => decodeFile(body).identity.name === name),
  );
  assert.ok(a !== undefined && b !== undefined);
  await rm(join(path, 'a'));
  await writeFile(join(path, 'other'), 'c');
  await rename(join(path, 'other'), join(path, 'b'));
  assert.deepEqual(resultOf(await send(a)), { as: 'gone' });
  assert.deepEqual(resultOf(await send(b)), { as: 'changed', why: 'it was changed or replaced' });
});

test('a file that changes while it is sent is not acknowledged: it goes back, and is another one', async (t) => {
  let during = () => Promise.resolve();
  const { path, delivered, send, place } = await watched(t, RENAME, async () => {
    await during();
    return { kind: 'ack', status: 200 };
  });
  await writeFile(join(path, 'a'), 'a');
  await eventually('it is ready', () => assert.equal(delivered.length, 1));
  const [first] = delivered;
  assert.ok(first !== undefined);
  const id = first.messageId?.slice(-24) ?? '';
  during = () => appendFile(place.parked(id, 'a'), 'more');
  const ended = await send(first);
  assert.ok(ended.kind === 'done');
  assert.equal(Reflect.get(Object(ended.result), 'as'), 'changed');
  await place.back({ id, name: 'a', marker: null });
  await eventually('it is ready again', () => assert.equal(delivered.length, 2));
  assert.notEqual(delivered[1]?.messageId, first.messageId);
});

test('a file that was being sent is the same one where its folder is mounted anew, and numbered otherwise', async (t) => {
  const { path, delivered, send, place } = await watched(t, RENAME);
  await writeFile(join(path, 'a'), 'a');
  await eventually('it is ready', () => assert.equal(delivered.length, 1));
  const [first] = delivered;
  assert.ok(first !== undefined);
  assert.ok(await place.park(first.messageId?.slice(-24) ?? '', 'a'));
  const { folder, identity } = decodeFile(first.body);
  const body = encodeFile(folder, { ...identity, dev: '1', inode: '2' });
  const ended = await send({ ...first, body });
  assert.ok(ended.kind === 'done');
  assert.equal(Reflect.get(Object(ended.result), 'as'), 'sent');
});

test(
  'a file whose time is outside of the calendar is sent, and says no time',
  { skip: !existsSync(IN_MEMORY) && 'no file system here keeps such a time' },
  async (t) => {
    const parcels: Parcel[] = [];
    const path = await testFolder(t, 'inbox', IN_MEMORY);
    const deliver = (parcel: Parcel): Promise<Delivered> => {
      parcels.push(parcel);
      return Promise.resolve({ kind: 'ack', status: 200 });
    };
    const { delivered, send } = await watched(t, RENAME, deliver, path);
    await writeFile(join(path, '.a'), 'a');
    await utimes(join(path, '.a'), 1e13, 1e13);
    await rename(join(path, '.a'), join(path, 'a'));
    await eventually('it is ready', () => assert.equal(delivered.length, 1));
    for (const delivery of delivered) assert.equal((await send(delivery)).kind, 'done');
    assert.deepEqual(Object.keys(parcels[0]?.headers ?? {}), ['x-file-name']);
  },
);

test('a large sparse file is not read into memory, and one that is empty is sent', async (t) => {
  const bodies: Parcel['body'][] = [];
  const { path, delivered, send } = await watched(t, RENAME, ({ body }) => {
    bodies.push(body);
    return Promise.resolve({ kind: 'ack', status: 200 });
  });
  await writeFile(join(path, 'empty'), '');
  await writeFile(join(path, 'large'), '');
  await truncate(join(path, 'large'), 64 * 1024 * 1024);
  await eventually('both are ready', () => assert.equal(delivered.length, 2));
  for (const delivery of delivered) assert.equal((await send(delivery)).kind, 'done');
  assert.deepEqual(
    bodies.map((body) => (Buffer.isBuffer(body) ? body.length : 'streamed')).sort(),
    [0, 'streamed'],
  );
});

test(
  'what another user may not read is told, and taken as soon as it may',
  { skip: process.getuid?.() !== 0 && 'only root can become another user' },
  async (t) => {
    const path = await testFolder(t);
    await chmod(join(path, '..'), 0o755);
    await chmod(path, 0o755);
    await writeFile(join(path, 'secret'), 'x', { mode: 0o600 });
    const module = new URL('../../src/folders/scan.js', import.meta.url).href;
    const script = `process.setgid(65534); process.setuid(65534); const { scan } = await import(process.argv[1]); for await (const seen of scan(process.argv[2], () => true)) console.log(JSON.stringify(seen));`;
    await chmod(path, 0o755);
    const looked = spawnSync(
      process.execPath,
      ['--input-type=module', '-e', script, module, path],
      { encoding: 'utf8' },
    );
    t.diagnostic(looked.stderr);
    assert.deepEqual(JSON.parse(looked.stdout || '{}'), {
      kind: 'passed',
      name: 'secret',
      why: 'no-permission',
      error: 'EACCES',
    });
  },
);

test(
  'an outcome folder on another file system is refused with the remedy',
  { skip: process.getuid?.() !== 0 && 'only root can mount' },
  async (t) => {
    const path = await testFolder(t);
    await mkdir(join(path, 'done'));
    if (
      spawnSync('mount', ['-t', 'tmpfs', '-o', 'size=64k', 'none', join(path, 'done')]).status !== 0
    )
      return t.skip('this machine does not let us mount');
    atEnd(t, () => void spawnSync('umount', [join(path, 'done')]));
    await assert.rejects(placeOf(path).prepare(), /done is on another file system .* unmount it/);
  },
);

test('a hundred thousand small files are looked at piece by piece', async (t) => {
  const path = await testFolder(t);
  for (let n = 0; n < 100_000; n += 1_000)
    await Promise.all(
      Array.from({ length: 1_000 }, (_, k) => writeFile(join(path, `${n + k}`), '')),
    );
  let count = 0;
  for await (const seen of scan(path, () => true)) count += seen.kind === 'file' ? 1 : 0;
  assert.equal(count, 100_000);
});

test('a reason is whole whenever somebody reads it', async (t) => {
  const path = await testFolder(t);
  const place = placeOf(path);
  await place.prepare();
  const id = 'a'.repeat(24);
  const answer = 'x'.repeat(1_000_000);
  let isWritten = false;
  const writing = (async () => {
    for (let n = 0; n < 30; n += 1) await place.tellWhy(id, 'a', 'refused', { n, answer });
    isWritten = true;
  })();
  const file = join(path, 'refused', `a~${id}.reason.json`);
  while (!isWritten) {
    const text = await readFile(file, 'utf8').catch(() => null);
    if (text !== null) assert.equal(Reflect.get(Object(JSON.parse(text)), 'answer'), answer);
  }
  await writing;
});

test('what was sent long ago is removed, and nothing that is not ours', async (t) => {
  const path = await testFolder(t);
  const id = 'a'.repeat(24);
  for (const day of ['2026-01-01', '2026-01-31', 'notes']) {
    await mkdir(join(path, 'done', day), { recursive: true });
    await writeFile(join(path, 'done', day, `x~${id}`), '');
  }
  await writeFile(join(path, 'done/2026-01-01/mine'), '');
  assert.equal(await removeOld(path, 7 * 86_400_000, Date.parse('2026-02-01')), 1);
  const left = (await readdir(join(path, 'done'), { recursive: true })).sort();
  assert.deepEqual(left, [
    '2026-01-01',
    '2026-01-01/mine',
    '2026-01-31',
    `2026-01-31/x~${id}`,
    'notes',
    `notes/x~${id}`,
  ]);
});
