/** An input on its way to a file. */
import assert from 'node:assert/strict';
import { spawn, spawnSync } from 'node:child_process';
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test, type TestContext } from 'node:test';
import { setTimeout as delay } from 'node:timers/promises';
import { fetchTo, type FetchNeeds } from '../../src/etl/fetch.ts';
import { serve } from '../helpers/etl.ts';
import { atEnd } from '../helpers/servers.ts';

async function place(t: TestContext) {
  const folder = await mkdtemp(join(tmpdir(), 'despachante-fetch-'));
  atEnd(t, () => rm(folder, { recursive: true }));
  const file = join(folder, 'received');
  const needs = (input: string, more: Partial<FetchNeeds> = {}): FetchNeeds => ({
    ...{ input, file, authorization: null, validator: null, last: null, mostBytes: 1e6 },
    keep: () => Promise.resolve(),
    progress: () => {},
    troubled: () => {},
    signal: new AbortController().signal,
    ...more,
  });
  return { folder, file, needs };
}

test('a server that goes on with another version than the one that was begun is asked for all of it', async (t) => {
  const { file, needs } = await place(t);
  const [before, now] = ['[1,2,3]', '[4,5,6]'];
  const asked: string[] = [];
  const url = await serve(t, ({ headers }, response) => {
    const from = Number(/\d+/.exec(headers.range ?? '')?.[0] ?? 0);
    asked.push(headers.range ?? 'all');
    // Of ranges it knows, and of If-Range it does not.
    const range = { 'content-range': `bytes ${from}-${now.length - 1}/${now.length}` };
    response.writeHead(from > 0 ? 206 : 200, { etag: '"two"', ...(from > 0 ? range : {}) });
    response.end(now.slice(from));
  });
  await writeFile(file, before.slice(0, 3));
  await fetchTo(needs(url, { validator: '"one"' }));
  assert.equal(await readFile(file, 'utf8'), now);
  assert.deepEqual(asked, ['bytes=3-', 'all']);
});

test('a pipe is an input, and what is too much of it is refused', async (t) => {
  const { folder, file, needs } = await place(t);
  const pipe = join(folder, 'pipe');
  assert.equal(spawnSync('mkfifo', [pipe]).status, 0);
  const write = (): void => {
    const writer = spawn('sh', ['-c', 'echo "[1,2,3]" > "$0"', pipe]);
    atEnd(t, () => void writer.kill());
  };
  const fetched = fetchTo(needs(pipe));
  // Whoever writes may come later.
  await delay(50);
  write();
  await fetched;
  assert.equal(await readFile(file, 'utf8'), '[1,2,3]\n');
  write();
  await assert.rejects(fetchTo(needs(pipe, { mostBytes: 3 })), /more than 3 bytes/);
});
