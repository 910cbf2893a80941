/** What becomes of files, with a real receiver, Temporal and MongoDB. */
import assert from 'node:assert/strict';
import { mkdir, readdir, rename, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { test } from 'node:test';
import { z } from 'zod';
import { silent, type Log } from '../../src/runtime/log.ts';
import { webServer } from '../helpers/web-server.ts';
import { httpEndpoint } from '../../src/config/endpoint.ts';
import { openActions } from '../../src/coordination/actions.ts';
import { openBreakerStore } from '../../src/coordination/breaker-state.ts';
import { openControl } from '../../src/coordination/control.ts';
import { folderState } from '../../src/operations/folder-state.ts';
import { listFailures } from '../../src/operations/failures.ts';
import { pauseIntake, resumeIntake } from '../../src/operations/pause.ts';
import { taskFailures } from '../../src/operations/task-failures.ts';
import { eventually } from '../helpers/eventually.ts';
import { drop, filesBelow, folderPlace, sha256 } from '../helpers/folders.ts';

const RENAMED = ['ready: rename'];
const day = (): string => new Date().toISOString().slice(0, 10);

test('a file is sent with its digest and its name, and lies in done then', async (t) => {
  const place = await folderPlace(t, (_, response) => response.end(), RENAMED);
  await drop(place.path, 'nota fiscal é.xml', '<a/>');
  await place.start();
  await eventually('it lies in done', async () => {
    const [file, ...others] = await filesBelow(place.path);
    assert.match(file ?? '', new RegExp(`^done/${day()}/nota fiscal é\\.xml~[0-9a-f]{24}$`));
    assert.deepEqual(others, []);
  });
  const [seen, ...more] = place.receiver.seen;
  assert.equal(more.length, 0);
  assert.equal(seen?.path, '/inbox/nota%20fiscal%20%C3%A9.xml');
  assert.equal(seen.body, '<a/>');
  assert.equal(seen.headers['content-digest'], `sha-256=:${sha256('<a/>')}:`);
  assert.equal(seen.headers['content-type'], 'application/xml');
  assert.equal(seen.headers['x-attempt'], '1');
  assert.equal(seen.headers['x-file-name'], 'nota%20fiscal%20%C3%A9.xml');
  const claim = await eventually('it is settled', async () => {
    const [one] = await place.claims.find().toArray();
    assert.equal(one?.outcome?.kind, 'done');
    return one;
  });
  assert.match(
    claim.result ?? '',
    /^\{"as":"sent","status":200,"bytes":4,"sha256":"[0-9a-f]{64}"\}$/,
  );
  assert.equal(claim._id, `inbox/nota fiscal é.xml~${String(seen.headers['idempotency-key'])}~0`);
});

test('a folder that cannot be used is named with the remedy, holds up no other, and is collected once it can be', async (t) => {
  const told: string[] = [];
  const log: Log = { ...silent, warn: ({ error }) => void told.push(String(error)) };
  const place = await folderPlace(t, (_, response) => response.end(), RENAMED, { log });
  const setting = await place.setting();
  const [inbox] = setting.folders;
  assert.ok(inbox !== undefined);
  const [well, away] = ['well', 'away'].map((name) => ({
    ...inbox,
    ...{ name, path: `${inbox.path}-${name}` },
  }));
  assert.ok(well !== undefined && away !== undefined);
  await mkdir(well.path);
  await drop(place.path, 'refused', 'x');
  for (const path of [place.path, well.path]) await drop(path, 'a', 'a');
  const running = await place.startAs({ ...setting, folders: [inbox, well, away] });
  const sent = () => place.receiver.seen.map(({ path }) => path).sort();
  await eventually('the others are told', () => {
    assert.deepEqual(sent(), ['/well/a']);
    assert.ok(told.some((each) => /inbox\/refused is a file, and files .*: rename it/.test(each)));
    assert.ok(told.some((each) => /ENOENT.*inbox-away/.test(each)));
  });
  assert.deepEqual(running.checks(), { inbox: false, well: true, away: false, temporal: true });
  await rename(join(place.path, 'refused'), join(place.path, 'b'));
  await mkdir(away.path);
  await drop(away.path, 'a', 'a');
  await eventually('all are sent', () =>
    assert.deepEqual(sent(), ['/away/a', '/inbox/a', '/inbox/b', '/well/a']),
  );
});

test('the sums that are pushed are what became of the files, also of those that a first process left', async (t) => {
  const pushed = new Map<string, Record<string, number>>();
  const api = await webServer(t, ({ body, headers }, response) => {
    const sums = z.record(z.string(), z.number()).parse(JSON.parse(body));
    pushed.set(String(headers['idempotency-key']), sums);
    response.end();
  });
  const place = await folderPlace(
    t,
    ({ path }, response, attempt) => {
      const status = path.endsWith('bad') ? 422 : path.endsWith('again') && attempt < 2 ? 503 : 200;
      response.writeHead(status).end();
    },
    RENAMED,
  );
  const metrics = { url: api.url, every: 1_000, authorization_env: null };
  const first = await place.startWith({ metrics });
  for (const name of ['a', 'b', 'bad']) await drop(place.path, name, name);
  await eventually('all are settled', async () =>
    assert.equal(await place.claims.countDocuments({ settledAt: { $ne: null } }), 3),
  );
  await first.stop();
  await place.startWith({ metrics });
  for (const name of ['c', 'again']) await drop(place.path, name, name);
  await eventually('all are counted', () => {
    const sums: Record<string, number> = {};
    for (const each of pushed.values())
      for (const [name, sum] of Object.entries(each)) sums[name] = (sums[name] ?? 0) + sum;
    assert.deepEqual(sums, { collected_file: 5, ack: 4, nack: 1, retry: 1 });
  });
});

test('what is answered with 503 is sent again under the same key, and a new file of its name waits until then', async (t) => {
  const place = await folderPlace(
    t,
    (_, response, attempt) =>
      response.writeHead(attempt < 3 ? 503 : 200, { 'retry-after': '1' }).end(),
    RENAMED,
  );
  await drop(place.path, 'a.txt', 'one');
  await place.start();
  await eventually('it was tried', () => assert.ok(place.receiver.seen.length > 0));
  await drop(place.path, 'a.txt', 'two');
  await eventually('both are done', async () => {
    assert.equal(
      (await filesBelow(place.path)).filter((file) => file.startsWith('done/')).length,
      2,
    );
  });
  const bodies = place.receiver.seen.map(({ body }) => body);
  assert.deepEqual(bodies, ['one', 'one', 'one', 'two', 'two', 'two']);
  const keys = place.receiver.seen.map(({ headers }) => headers['idempotency-key']);
  assert.equal(new Set(keys.slice(0, 3)).size, 1);
  assert.equal(new Set(keys).size, 2);
});

test('what is refused lies in refused with the answer beside it, and is redriven by command, and by hand', async (t) => {
  let isMended = false;
  const place = await folderPlace(
    t,
    (_, response) => response.writeHead(isMended ? 201 : 422).end('no such customer'),
    RENAMED,
  );
  for (const name of ['a.txt', 'b.txt']) await drop(place.path, name, name);
  await place.start();
  const { own, config, path } = place;
  const failures = taskFailures(config, own, 'inbox');
  await eventually('both have failed', async () => {
    const { waiting } = await listFailures(failures, { state: 'waiting', limit: null, told: 10 });
    assert.equal(waiting, 2);
  });
  const files = await filesBelow(path);
  const shape = files.map((file) => file.replace(/[0-9a-f]{24}/, 'ID'));
  assert.deepEqual(shape, [
    'refused/a.txt~ID',
    'refused/a.txt~ID.reason.json',
    'refused/b.txt~ID',
    'refused/b.txt~ID.reason.json',
  ]);
  const why: unknown = JSON.parse(await place.read(files[1] ?? ''));
  assert.ok(typeof why === 'object' && why !== null);
  assert.deepEqual(
    { ...why, id: 0, at: 0, again: 0, sha256: 0 },
    {
      ...{ file: 'a.txt', folder: 'inbox', id: 0, class: 'http-422', reason: 'HTTP 422' },
      ...{ attempts: 1, at: 0, size: 5, status: 422, answer: 'no such customer', again: 0 },
      sha256: 0,
    },
  );
  isMended = true;
  const id = /[^/]*$/.exec(files[0] ?? '')?.[0] ?? '';
  await place.redrive(id);
  await eventually('it was redriven', async () => {
    const now = await filesBelow(path);
    assert.ok(now.includes(`done/${day()}/${id}`));
    assert.ok(!now.some((file) => file.startsWith('refused/a.txt')));
  });
  const [b = ''] = (await readdir(join(path, 'refused'))).filter((file) => !file.endsWith('.json'));
  await rename(join(path, 'refused', b), join(path, b));
  await eventually('the other is sent, under its own name', async () => {
    assert.equal(place.receiver.seen.at(-1)?.path, '/inbox/b.txt');
    const { waiting } = await listFailures(failures, { state: 'waiting', limit: null, told: 10 });
    assert.equal(waiting, 0);
    assert.deepEqual(await readdir(join(path, 'refused')), []);
  });
});

test('what is too old is given up; and what waits is told with its reason', async (t) => {
  const place = await folderPlace(t, (_, response) => response.writeHead(500).end(), RENAMED);
  await drop(place.path, 'a.txt', 'a');
  await writeFile(join(place.path, 'b.tmp'), '');
  const running = await place.start();
  const [folder] = (await place.setting()).folders;
  assert.ok(folder !== undefined);
  const control = openControl(place.own);
  await eventually('it is told what waits', async () => {
    const state = await folderState(place.config, place.own, await control.read(), folder);
    assert.deepEqual(
      [state.isCollected, state.open, state.again[0]?.reason, state.seen?.passed],
      [true, 1, 'HTTP 500', { ignored: { count: 1, some: ['b.tmp'] } }],
    );
  });
  await running.apply(await place.setting([...RENAMED, 'maxAge: 1s']));
  await eventually('it is given up', async () => {
    const found = (await filesBelow(place.path)).map((file) => file.replace(/[0-9a-f]{24}/, 'ID'));
    assert.deepEqual(found, ['b.tmp', 'gaveup/a.txt~ID', 'gaveup/a.txt~ID.reason.json']);
  });
});

test('a folder that is paused takes nothing, says so, and goes on when it is resumed', async (t) => {
  const place = await folderPlace(t, (_, response) => response.end(), RENAMED);
  const [folder] = (await place.setting()).folders;
  assert.ok(folder !== undefined);
  const { own, config } = place;
  const control = openControl(own);
  const store = { control, own, actions: openActions(own) };
  const said = { by: 'ana', reason: 'the ERP is closed', worker: 'inbox' };
  await pauseIntake(store, said);
  await place.start();
  await drop(place.path, 'a.txt', 'a');
  await eventually('it is told why the file waits', async () => {
    const state = await folderState(config, own, await control.read(), folder);
    assert.deepEqual([state.paused?.reason, state.seen?.ready.count], [said.reason, 1]);
  });
  assert.equal((await pauseIntake(store, said)).isKnown, true);
  assert.equal(await place.claims.countDocuments(), 0);
  await resumeIntake(store, said);
  await eventually('it is sent', () => assert.equal(place.receiver.seen.length, 1));
});

test('folders come and go while it runs', async (t) => {
  const place = await folderPlace(t, (_, response) => response.end(), RENAMED);
  const running = await place.start();
  const setting = await place.setting();
  const [first] = setting.folders;
  assert.ok(first !== undefined);
  const other = { ...first, name: 'other', path: `${first.path}-2` };
  await mkdir(other.path);
  await running.apply({ ...setting, folders: [other] });
  await drop(place.path, 'left.txt', 'left');
  await drop(other.path, 'new.txt', 'new');
  await eventually('the file of the new one is sent', () => {
    assert.deepEqual(
      place.receiver.seen.map(({ path }) => path),
      ['/other/new.txt'],
    );
  });
  await running.apply(setting);
  await eventually('and that of the old one when it is back', () => {
    assert.equal(place.receiver.seen.at(-1)?.path, '/inbox/left.txt');
  });
});

test('a folder that has gone follows no circuit breaker any more', async (t) => {
  const place = await folderPlace(t, (_, response) => response.end(), RENAMED);
  const running = await place.start();
  const setting = await place.setting();
  const [first] = setting.folders;
  assert.ok(first !== undefined);
  const other = { ...first, name: 'other', path: `${first.path}-2` };
  await mkdir(other.path);
  await running.apply({ ...setting, folders: [other] });
  for (const { name, send } of [first, other])
    await openBreakerStore(place.own, httpEndpoint(name, send)).open('away', 1, 60_000);
  const isOpen = async (name: string): Promise<number | undefined> => {
    const { values } = await running.metrics.breakerOpen.get();
    return values.find(({ labels }) => labels.endpoint === `http-${name}`)?.value;
  };
  await eventually('the one that is there follows', async () => {
    assert.equal(await isOpen('other'), 1);
  });
  assert.notEqual(await isOpen('inbox'), 1);
});
