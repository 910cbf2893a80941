import assert from 'node:assert/strict';
import { readFileSync, readdirSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';

interface Import {
  file: string;
  from: string;
  isType: boolean;
}

function filesIn(folder: string): string[] {
  return readdirSync(folder).flatMap((name) => {
    const path = join(folder, name);
    return statSync(path).isDirectory() ? filesIn(path) : path.endsWith('.ts') ? [path] : [];
  });
}

function importsIn(...folders: string[]): Import[] {
  return folders
    .flatMap(filesIn)
    .flatMap((file) =>
      [
        ...readFileSync(file, 'utf8').matchAll(
          /^(?:import|export)\s+(type\s)?(?:[^'";]*?\sfrom\s+)?'([^']+)';/gms,
        ),
      ].map(([, type, from]) => ({ file, from: from ?? '', isType: type !== undefined })),
    );
}

const show = ({ file, from }: Import) => `${file} imports ${from}`;

test('the domain imports nothing but itself', () => {
  const imports = importsIn('src/domain');
  assert.ok(imports.length > 5);
  assert.deepEqual(imports.filter(({ from }) => !/^\.{1,2}\//.test(from)).map(show), []);
});

test('workflow code takes values only from Temporal and the domain, and activities as types', () => {
  const imports = importsIn('workflows');
  assert.ok(imports.length > 5);
  const allowed =
    /^(@temporalio\/(workflow|common)$|\.\/|(\.\.\/)+src\/domain\/|\.\.\/local-attempts\.ts)/;
  const wrong = imports.filter(
    ({ from, isType }) => !allowed.test(from) && !(isType && from.includes('../activities/')),
  );
  assert.deepEqual(wrong.map(show), []);
});

test('activities import neither workflows nor drivers nor the composition', () => {
  const wrong = importsIn('activities').filter(
    ({ from, isType }) =>
      from.includes('/workflows/') ||
      /^(amqplib|mongodb|undici)/.test(from) ||
      (!isType && /src\/(config|cli|worker|intake|commands)\//.test(from)),
  );
  assert.deepEqual(wrong.map(show), []);
});

test('adapters do not import activities, and only the command line and its processes import commands', () => {
  const composition = /^src\/(cli|command-line|worker|commands\/)/;
  const wrong = importsIn('src').filter(
    ({ file, from, isType }) =>
      !isType && !composition.test(file) && /\/(activities|commands|workflows)\//.test(from),
  );
  assert.deepEqual(wrong.map(show), []);
});

test('only config/load.ts reads the environment', () => {
  const readers = filesIn('src').filter((file) =>
    readFileSync(file, 'utf8').includes('process.env'),
  );
  assert.deepEqual(readers.sort(), ['src/config/load.ts', 'src/runtime/child.ts']);
});

test('each driver has its own adapters', () => {
  const drivers = /^(amqplib|mongodb|undici)$/;
  const users = importsIn('src', 'workflows', 'activities').filter(
    ({ from, isType }) => drivers.test(from) && !isType,
  );
  const byDriver = (driver: string) =>
    [...new Set(users.filter(({ from }) => from === driver).map(({ file }) => file))].sort();
  // The other two ask the legacy system for what only a simulator has, and whether it is there at all.
  assert.deepEqual(byDriver('undici'), [
    'src/audit/ledgers.ts',
    'src/doctor/legacy.ts',
    'src/net/connect.ts',
    'src/registrations/legacy.ts',
  ]);
  assert.deepEqual(byDriver('amqplib'), ['src/broker/rabbitmq/connection.ts']);
});

test('whoever gets a database has taken it as ours, or refused it: nobody else connects to MongoDB', () => {
  const connecting = filesIn('src').filter((file) =>
    /import \{[^}]*\bconnectMongo\b[^}]*\} from/.test(readFileSync(file, 'utf8')),
  );
  // The doctor tells of a database that is not ours, and takes it itself before it writes.
  assert.deepEqual(connecting.sort(), ['src/doctor/mongo.ts', 'src/mongo/own-database.ts']);
});
