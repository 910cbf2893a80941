/** The files that readers of docs/learn are asked to write do what the pages say. */
import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdirSync, readFileSync, readdirSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:net';
import { join } from 'node:path';
import { test } from 'node:test';
import { start, testPlace } from '../commands/cli.ts';
import { etlPlace } from '../helpers/etl.ts';
import { eventually } from '../helpers/eventually.ts';
import { atEnd } from '../helpers/servers.ts';

/** A block of code whose first line names the file. */
function codeOf(page: string, file: string): string {
  const text = readFileSync(`docs/learn/${page}.md`, 'utf8');
  const block = new RegExp(`^\`\`\`\\w+\\n(?:#|//) ${file}\\n([\\s\\S]*?)^\`\`\`$`, 'm');
  const code = block.exec(text)?.[1];
  assert.ok(code, `${page} has no ${file}`);
  if (!page.endsWith('.pt-BR')) assert.equal(codeOf(`${page}.pt-BR`, file), code);
  return code;
}

async function freePort(): Promise<number> {
  const server = createServer().listen(0, '127.0.0.1');
  await once(server, 'listening');
  const bound = server.address();
  await new Promise((closed) => server.close(closed));
  return typeof bound === 'object' ? (bound?.port ?? 0) : 0;
}

test('the receiver and the folder of "First folder": a file with a total is done, and one without is refused', async (t) => {
  const { folder, env, run } = await testPlace(t);
  const at = (...names: string[]): string => join(folder, ...names);
  const port = String(await freePort());
  for (const file of ['receiver.mjs', 'folders.yaml'])
    writeFileSync(at(file), codeOf('first-folder', file).replace('8090', port));
  mkdirSync(at('inbox'));
  const receiver = spawn(process.execPath, ['receiver.mjs'], { cwd: folder });
  atEnd(t, () => void receiver.kill());
  const collect = start(['collect', '--port', '0'], folder, env);
  atEnd(t, () => void collect.kill('SIGKILL'));
  writeFileSync(at('inbox', 'ana.txt'), 'total 12.50\n');
  writeFileSync(at('inbox', 'zoe.txt'), 'nothing\n');
  const names = (...path: string[]) =>
    readdirSync(at('inbox', ...path), { recursive: true, encoding: 'utf8' }).join(' ');
  await eventually('both are where they end', () => {
    assert.match(names('done'), /ana\.txt~/);
    const refused = readdirSync(at('inbox', 'refused'));
    const reason = refused.find((name) => /^zoe\.txt~\w+\.reason\.json$/.test(name));
    assert.ok(reason);
    assert.match(readFileSync(at('inbox', 'refused', reason), 'utf8'), /there is no total in it/);
  });
  const { code, stdout, stderr } = await run(['audit', '--worker', 'invoices']);
  assert.equal(code, 0, stderr);
  assert.match(stdout, /tasks +2\n +done +1\n +dead +1\n[^]*The sum holds/);
});

test('the function of "First list" processes the sample, and fails for one record', async (t) => {
  const place = await etlPlace(t);
  place.write('store.ts', codeOf('first-etl', 'store.ts'));
  place.write('records.json', readFileSync('examples/etl/records.json'));
  const { code, err } = await place.run(['records.json', '--process', './store.ts']);
  assert.equal(code, 3, err);
  const [first = {}] = place.output();
  assert.deepEqual(Object.keys(first), ['id', 'title', 'tags']);
  assert.deepEqual(
    place
      .errors()
      .map(({ class: own }) => own)
      .sort(),
    ['Error', 'invalid', 'invalid', 'invalid'],
  );
});
