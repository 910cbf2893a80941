/**
 * Rooms and floors: a file imports from its own room and from rooms of lower floors, types included. The table is
 * test/floors.json, from the lowest floor up; eslint.config.js holds the same.
 */
import assert from 'node:assert/strict';
import { readFileSync, readdirSync, statSync } from 'node:fs';
import { basename, dirname, join, normalize } from 'node:path';
import { test } from 'node:test';
import { z } from 'zod';

interface Import {
  file: string;
  /** As it is written. */
  from: string;
  isType: boolean;
}

function filesIn(folder: string): string[] {
  return readdirSync(folder).flatMap((name) => {
    const path = join(folder, name);
    return statSync(path).isDirectory() ? filesIn(path) : path.endsWith('.ts') ? [path] : [];
  });
}

const STATEMENT = /^(?:import|export)\s+(type\s)?(?:[^'";]*?\sfrom\s+)?'([^']+)';/gms;

const importsIn = (...folders: string[]): Import[] =>
  folders.flatMap(filesIn).flatMap((file) =>
    [...readFileSync(file, 'utf8').matchAll(STATEMENT)].map(([, type, from]) => ({
      file,
      from: from ?? '',
      isType: type !== undefined,
    })),
  );

const floors = z
  .array(z.array(z.string()))
  .parse(JSON.parse(readFileSync('test/floors.json', 'utf8')));
const floorOf = new Map(floors.flatMap((rooms, floor) => rooms.map((room) => [room, floor])));

/** A file may be a room of its own: what composes all others. */
function roomOf(file: string): string {
  const alone = file.replace(/\.ts$/, '');
  return floorOf.has(alone) ? alone : dirname(file);
}

const show = ({ file, from }: Import) => `${file} imports ${from}`;
const own = importsIn('src', 'workflows', 'activities');
const inside = own
  .filter(({ from }) => from.startsWith('.'))
  .map((each) => ({ ...each, to: normalize(join(dirname(each.file), each.from)) }));

test('every file is in a room that has a floor, and every room has files', () => {
  const rooms = new Set(['src', 'workflows', 'activities'].flatMap(filesIn).map(roomOf));
  assert.deepEqual([...rooms].sort(), [...floorOf.keys()].sort());
});

test('nothing is imported from a higher floor, or from another room of the same one', () => {
  assert.ok(inside.length > 500);
  const wrong = inside.filter(({ file, to }) => {
    const [here, there] = [roomOf(file), roomOf(to)];
    return here !== there && (floorOf.get(there) ?? 0) >= (floorOf.get(here) ?? 0);
  });
  assert.deepEqual(wrong.map(show), []);
});

test('no files import each other in a circle, not even for a type', () => {
  const next = new Map<string, string[]>();
  for (const { file, to } of inside) next.set(file, [...(next.get(file) ?? []), to]);
  const done = new Set<string>();
  const circles: string[] = [];
  const walk = (file: string, path: string[]): void => {
    if (path.includes(file)) circles.push([...path.slice(path.indexOf(file)), file].join(' → '));
    if (path.includes(file) || done.has(file)) return;
    for (const to of next.get(file) ?? []) walk(to, [...path, file]);
    done.add(file);
  };
  for (const file of next.keys()) walk(file, []);
  assert.deepEqual(circles, []);
});

test('at most six files are flat in src, workflows and activities each', () => {
  for (const folder of ['src', 'workflows', 'activities']) {
    const flat = readdirSync(folder).filter((name) => name.endsWith('.ts'));
    assert.ok(flat.length <= 6, `${folder}: ${flat.join(', ')}`);
  }
});

test('the domain imports nothing but itself', () => {
  const wrong = importsIn('src/domain').filter(({ from }) => !from.startsWith('.'));
  assert.deepEqual(wrong.map(show), []);
});

test('workflow code takes values only from Temporal and the domain, and activities as types', () => {
  const wrong = importsIn('workflows').filter(({ from, isType }) => {
    if (/^@temporalio\/(workflow|common)$/.test(from)) return false;
    if (from.includes('/activities/')) return !isType;
    return !from.startsWith('./') && !/^(\.\.\/)+(src\/domain\/|[a-z-]+\.ts$)/.test(from);
  });
  assert.deepEqual(wrong.map(show), []);
});

test('only config/load.ts reads the environment, config/env-file.ts adds to it, and runtime/child.ts hands it on', () => {
  const readers = filesIn('src').filter((file) =>
    readFileSync(file, 'utf8').includes('process.env'),
  );
  assert.deepEqual(readers.sort(), [
    'src/config/env-file.ts',
    'src/config/load.ts',
    'src/runtime/child.ts',
  ]);
});

test('each driver has its own adapters', () => {
  const users = (driver: string) => [
    ...new Set(
      own
        .filter(({ from, isType }) => from === driver && !isType)
        .map(({ file }) => file)
        .sort(),
    ),
  ];
  assert.deepEqual(users('undici'), [
    'src/net/connect.ts',
    'src/net/get.ts',
    'src/outbound/client.ts',
  ]);
  assert.deepEqual(users('amqplib'), ['src/broker/rabbitmq/connection.ts']);
  const withRedis = filesIn('src').filter((file) =>
    readFileSync(file, 'utf8').includes("'ioredis'"),
  );
  assert.deepEqual(withRedis, ['src/results/redis.ts']);
  const drivers = own.filter(
    ({ file, from }) =>
      file.startsWith('activities/') &&
      /^(@platformatic\/kafka|amqplib|mongodb|undici)$/.test(from),
  );
  assert.deepEqual(drivers.map(show), []);
});

test('nobody asks over HTTP past the one client, which has the deadline, the limits and the TLS files', () => {
  const past = filesIn('src').filter((file) =>
    /(?<!\bclient\.)\bfetch\(|^import \{[^}]*\} from 'node:https?'/m.test(
      readFileSync(file, 'utf8'),
    ),
  );
  // They serve.
  assert.deepEqual(past.sort(), ['src/net/listen.ts', 'src/simulator/layer.ts']);
});

test('clients of brokers are known in their own rooms alone, even their types', () => {
  const rooms = { amqplib: 'src/broker/rabbitmq', '@platformatic/kafka': 'src/broker/kafka' };
  for (const [client, room] of Object.entries(rooms)) {
    const wrong = own.filter(({ file, from }) => from === client && dirname(file) !== room);
    assert.deepEqual(wrong.map(show), []);
  }
});

test('whoever gets a database has taken it as ours, or refused it: nobody else connects to MongoDB', () => {
  const connecting = filesIn('src').filter((file) =>
    /import \{[^}]*\bconnectMongo\b[^}]*\} from/.test(readFileSync(file, 'utf8')),
  );
  // The doctor tells of a database that is not ours, and takes it itself before it writes.
  assert.deepEqual(connecting.sort(), ['src/doctor/mongo.ts', 'src/mongo/own-database.ts']);
});

test('no file is named for nothing: utils, helpers, common', () => {
  const wrong = own
    .map(({ file }) => file)
    .filter((file) => /^(utils?|helpers?|common|misc)\.ts$/.test(basename(file)));
  assert.deepEqual(wrong, []);
});
