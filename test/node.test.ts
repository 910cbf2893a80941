// On a machine whose Node is too old the scripts of package.json run themselves again with one that is fetched once.
import assert from 'node:assert/strict';
import { spawn, spawnSync, type SpawnOptions } from 'node:child_process';
import { once } from 'node:events';
import {
  chmodSync,
  mkdirSync,
  mkdtempSync,
  readFileSync,
  readdirSync,
  rmSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test, type TestContext } from 'node:test';
import { fileURLToPath } from 'node:url';
import { z } from 'zod';

const root = (path: string) => fileURLToPath(new URL(`../../${path}`, import.meta.url));
const { engines, scripts } = z
  .object({
    engines: z.object({ node: z.string() }),
    scripts: z.record(z.string(), z.string()),
  })
  .parse(JSON.parse(readFileSync(root('package.json'), 'utf8')));
const oldest = engines.node.replace('>=', '');

const LAUNCHER = root('engines/with-node.mjs');
/** Makes a Node take itself for an older one; what it starts knows better. */
const OLD = [
  '--import',
  `data:text/javascript,Object.defineProperty(process,'versions',{value:{...process.versions,node:'20.20.2'}})`,
];

function folderOf(t: TestContext): string {
  const folder = mkdtempSync(join(tmpdir(), 'despachante-node-'));
  t.after(() => rmSync(folder, { recursive: true }));
  return folder;
}

function fileWith(folder: string, name: string, text: string): string {
  const file = join(folder, name);
  writeFileSync(file, text);
  chmodSync(file, 0o755);
  return file;
}

/** A cache that holds the Node of this test already; all that is started by it is marked. */
function filledCache(t: TestContext): { env: Record<string, string>; bin: string } {
  const name = `node-${process.platform}-${process.arch}`;
  const source = readFileSync(root('engines/node.mjs'), 'utf8');
  const version = new RegExp(`'${name}': \\{\\s+version: '([\\d.]+)'`).exec(source)?.[1];
  const cache = folderOf(t);
  const bin = join(cache, `${name}-${version}`, 'bin');
  mkdirSync(bin, { recursive: true });
  fileWith(bin, 'node', `#!/bin/sh\nFETCHED=yes exec '${process.execPath}' "$@"\n`);
  return { env: { ...process.env, DESPACHANTE_CACHE: cache }, bin };
}

const runOld = (args: string[], options: SpawnOptions) =>
  spawnSync(process.execPath, [...OLD, LAUNCHER, ...args], { ...options, encoding: 'utf8' });

test('on an older Node a script runs with the fetched one, also as the first of the PATH, and one line on stderr says so', (t) => {
  const { env, bin } = filledCache(t);
  const script = fileWith(
    folderOf(t),
    'script.mjs',
    `const { env: { FETCHED, PATH }, argv } = process;
    console.log(JSON.stringify({ FETCHED, PATH, args: argv.slice(2) }));`,
  );
  const { status, stdout, stderr } = runOld([script, 'a b', '--json'], { env });
  assert.equal(status, 0, stderr);
  const PATH = `${bin}:${process.env['PATH']}`;
  assert.deepEqual(JSON.parse(stdout), { FETCHED: 'yes', PATH, args: ['a b', '--json'] });
  assert.equal(
    stderr,
    `Node 20.20.2 is older than ${oldest}: this runs with ${join(bin, 'node')} instead\n`,
  );
});

test('a Node that is new enough runs the script itself, in the same process', (t) => {
  const script = fileWith(
    folderOf(t),
    'script.mjs',
    'console.log(JSON.stringify([process.pid, ...process.argv.slice(1)])); process.exitCode = 7;',
  );
  const { pid, status, stdout, stderr } = spawnSync(
    process.execPath,
    [LAUNCHER, script, 'a b', '--json'],
    { encoding: 'utf8' },
  );
  assert.deepEqual(JSON.parse(stdout), [pid, script, 'a b', '--json']);
  assert.deepEqual([status, stderr], [7, '']);
});

test('an option of Node reaches the one that runs', (t) => {
  const { env } = filledCache(t);
  const args = ['-p', 'process.env.FETCHED'];
  assert.equal(runOld(args, { env }).stdout, 'yes\n');
  const { stdout } = spawnSync(process.execPath, [LAUNCHER, ...args], { encoding: 'utf8' });
  assert.equal(stdout, 'undefined\n');
});

test('signals reach the script that runs again, and its exit code comes back', async (t) => {
  const { env } = filledCache(t);
  const dies = `setInterval(() => {}, 1000); console.log('up');`;
  const drains = (name: string) => `process.on('${name}', () => process.exit(3)); ${dies}`;
  const ended = async (text: string, signal: NodeJS.Signals) => {
    const script = fileWith(folderOf(t), 'script.mjs', text);
    // In a session of its own: a Ctrl-C in the terminal of these tests is not meant.
    const child = spawn(process.execPath, [...OLD, LAUNCHER, script], { env, detached: true });
    t.after(() => child.kill('SIGKILL'));
    await once(child.stdout, 'data');
    child.kill(signal);
    await once(child, 'close');
    return child.exitCode;
  };
  assert.equal(await ended(dies, 'SIGTERM'), 143);
  assert.equal(await ended(dies, 'SIGINT'), 130);
  assert.equal(await ended(drains('SIGTERM'), 'SIGTERM'), 3);
  assert.equal(await ended(drains('SIGINT'), 'SIGINT'), 3);
  assert.equal(runOld(['-e', 'process.exit(7)'], { env }).status, 7);
});

test('a Node whose hash is another is not taken, and the remedy is told', (t) => {
  const folder = folderOf(t);
  const npm = fileWith(
    folder,
    'npm-cli.js',
    `const { writeFileSync } = require('node:fs');
    const [, what, , where] = process.argv.slice(2);
    writeFileSync(where + '/' + what.replace('@', '-') + '.tgz', 'not Node');`,
  );
  const DESPACHANTE_CACHE = join(folder, 'cache');
  const env = { ...process.env, DESPACHANTE_CACHE, npm_execpath: npm };
  const { status, stdout, stderr } = runOld(['-p', '1'], { env });
  assert.deepEqual([status, stdout], [1, '']);
  assert.match(stderr, /^Node 20\.20\.2 is too old: Despachante needs .* its hash is another\./m);
  assert.match(stderr, /Remedy: install Node 24 from /);
  assert.deepEqual(
    readdirSync(DESPACHANTE_CACHE).filter((name) => !name.endsWith('.log')),
    [],
  );
});

test('every script of package.json that people call begins with the Node that is new enough', () => {
  const steps = new Set(
    Object.values(scripts).flatMap((each) =>
      [...each.matchAll(/ --run ([\w-]+)/g)].map(([, step]) => step),
    ),
  );
  for (const [name, command] of Object.entries(scripts)) {
    if (steps.has(name) || /^np[mx] /.test(command)) continue;
    assert.match(command, /^node engines\/with-node\.mjs (--run \w+$|[^&|;]+$)/, name);
  }
});

test('the program itself says which Node it needs when an older one starts it', () => {
  const args = [...OLD, root('dist/src/cli.js'), '--version'];
  const { status, stdout, stderr } = spawnSync(process.execPath, args, { encoding: 'utf8' });
  assert.deepEqual([status, stdout], [1, '']);
  const [major, minor] = oldest.split('.');
  const needed = `Despachante needs Node ${major}.${minor} or newer, and this is Node 20.20.2\n`;
  assert.equal(stderr, needed);
});
