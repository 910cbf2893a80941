/** The examples with settings alone run as their READMEs say: a copy of each, with servers and a receiver of its own. */
import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import {
  cpSync,
  mkdirSync,
  mkdtempSync,
  readFileSync,
  readdirSync,
  rmSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { text } from 'node:stream/consumers';
import { test } from 'node:test';
import { fileURLToPath } from 'node:url';
import { receiver } from '../../examples/receiver.ts';
import { eventually } from '../helpers/eventually.ts';
import {
  address,
  atEnd,
  testDatabase,
  testQueues,
  uniqueName,
  type Ending,
} from '../helpers/servers.ts';
import { TEST_KEYS } from '../helpers/system.ts';
import { filesBelow } from '../helpers/folders.ts';

const CLI = fileURLToPath(new URL('../../src/cli.js', import.meta.url));

/** @param names of queues, in the place of those that the example has */
async function example(
  t: Ending,
  name: string,
  settings: string | null,
  names: Record<string, string> = {},
) {
  const folder = mkdtempSync(join(tmpdir(), 'despachante-example-'));
  atEnd(t, () => rmSync(folder, { recursive: true, force: true }));
  cpSync(join('examples', name), folder, { recursive: true });
  const told: string[] = [];
  const server = receiver((line) => void told.push(line)).listen(0, '127.0.0.1');
  await once(server, 'listening');
  atEnd(t, () => void server.close());
  const bound = server.address();
  const port = typeof bound === 'object' && bound !== null ? bound.port : 0;
  if (settings !== null) {
    const file = join(folder, settings);
    const written = readFileSync(file, 'utf8').replaceAll('127.0.0.1:8080', `127.0.0.1:${port}`);
    const own = Object.entries(names).reduce(
      (all, [from, to]) => all.replaceAll(from, to),
      written,
    );
    writeFileSync(file, own);
  }
  const { db } = await testDatabase(t);
  const env = {
    ...process.env,
    DESPACHANTE_MONGODB_DATABASE: db.databaseName,
    DESPACHANTE_TEMPORAL_TASK_QUEUE: uniqueName(),
    DESPACHANTE_SWEEPER_ENABLED: 'false',
    ENCRYPTION_KEYS: TEST_KEYS,
  };
  function start(...args: string[]) {
    const child = spawn(process.execPath, [CLI, ...args], {
      cwd: folder,
      env,
      stdio: ['ignore', 'ignore', 'pipe'],
    });
    atEnd(t, () => void child.kill('SIGKILL'));
    const ended = once(child, 'close').then(([code]: unknown[]) => code);
    return Promise.all([ended, text(child.stderr)]).then(([code, err]) => ({ code, err }));
  }
  return { folder, port, told, start };
}

test('examples/files sends a good file, and keeps a bad one with the answer', async (t) => {
  const { folder, told, start } = await example(t, 'files', 'folders.yaml');
  const inbox = join(folder, 'inbox');
  mkdirSync(inbox);
  for (const name of readdirSync(folder))
    if (name.endsWith('.xml')) cpSync(join(folder, name), join(inbox, name));
  void start('collect', '--port', '0');
  await eventually('both have ended', async () =>
    assert.deepEqual(
      (await filesBelow(inbox)).map((file) =>
        file.replace(/~[0-9a-f]{24}/, '').replace(/\d{4}-\d\d-\d\d/, 'DAY'),
      ),
      ['done/DAY/good.xml', 'refused/bad.xml', 'refused/bad.xml.reason.json'],
    ),
  );
  assert.equal(told.length, 2);
});

test('examples/webhook delivers an order that is sent to its queue', async (t) => {
  const queue = uniqueName();
  const { channel } = await testQueues(t);
  atEnd(t, async () => {
    for (const each of [queue, `${queue}.returned`, `dlq_${queue}`])
      await channel.deleteQueue(each);
  });
  const broker = `name: ${queue}\n    broker_url: ${address('AMQP_URL')}`;
  const { told, start } = await example(t, 'webhook', 'queues.yaml', { 'name: orders': broker });
  void start('tasks', 'run', '--all', '--port', '0');
  const { code, err } = await start('tasks', 'send', queue, 'order.json', '--id', 'order-1');
  assert.equal(code, 0, err);
  await eventually('it is delivered', () =>
    assert.match(told[0] ?? '', new RegExp(`^POST /orders .* key ${queue}%2Forder-1: 200$`)),
  );
});

test('examples/etl sends each element of its list', async (t) => {
  const { folder, port, told, start } = await example(t, 'etl', null);
  const { code, err } = await start(
    'etl',
    'records.json',
    '--send',
    `http://127.0.0.1:${port}/records`,
  );
  const list = (name: string) => JSON.parse(readFileSync(join(folder, name), 'utf8')) as unknown[];
  assert.ok(code === 0 || code === 3, err);
  assert.ok(told.length > 0);
  assert.equal(list('output.json').length, told.filter((line) => line.endsWith(': 200')).length);
});
