import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdirSync, mkdtempSync, realpathSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { test, type TestContext } from 'node:test';
import { discover } from '../../src/workers/discover.ts';
import { getAllWorkers, getWorker, listWorkers, loadWorkers } from '../../src/workers/registry.ts';

const PACKAGE = new URL('../../src/index.js', import.meta.url).href;
const HEAD = `import { defineWorker, fromClass, TaskWorker } from '${PACKAGE}';\n`;
const worker = (name: string) => `defineWorker({ name: '${name}', handle: (n: unknown) => n })`;

/** A folder with these files. Paths in messages are as they are seen from the folder of the process. */
function folderOf(t: TestContext, files: Record<string, string>): string {
  const folder = mkdtempSync(join(realpathSync(tmpdir()), 'despachante-workers-'));
  t.after(() => rmSync(folder, { recursive: true }));
  for (const [name, text] of Object.entries(files)) {
    mkdirSync(dirname(join(folder, name)), { recursive: true });
    writeFileSync(join(folder, name), text);
  }
  return folder;
}

const namesIn = async (paths: string[]) =>
  (await discover(paths)).found.map(({ worker: { name } }) => name).sort();

test('every worker that a file of the folder exports is found, by whatever name, and nothing else', async (t) => {
  const folder = folderOf(t, {
    'one.ts': `${HEAD}export default ${worker('One')};\nexport const two = ${worker('Two')};`,
    'deeper/three.mts': `${HEAD}export const three = ${worker('Three')};`,
    'plain.js': `${HEAD}export const plain = defineWorker({ name: 'Plain', handle: () => 1 });`,
    'service.ts': 'export interface Service {}\nexport const send = (to: string) => to;',
    'one.test.ts': 'throw new Error("a test is no worker");',
    'types.d.ts': 'export interface A {}',
    'node_modules/x/index.js': 'throw new Error("foreign");',
    'notes.md': '# none',
  });
  assert.deepEqual(await namesIn([folder]), ['One', 'Plain', 'Three', 'Two']);
});

test('a file, and a glob, may be given instead of a folder', async (t) => {
  const folder = folderOf(t, {
    'a-worker.ts': `${HEAD}export default ${worker('A')};`,
    'b-worker.ts': `${HEAD}export default ${worker('B')};`,
    'c.ts': `${HEAD}export default ${worker('C')};`,
  });
  assert.deepEqual(await namesIn([join(folder, 'c.ts')]), ['C']);
  assert.deepEqual(await namesIn([join(folder, '*-worker.ts'), join(folder, 'c.ts')]), [
    'A',
    'B',
    'C',
  ]);
  await assert.rejects(discover([join(folder, 'nowhere')]), /no file of workers is at .*nowhere/);
});

test('a class is found by itself, as an instance, and as the worker that was made of it, each once', async (t) => {
  const body = `{ inputTopic = 'emails'; process(message: unknown) { return message; } }`;
  const folder = folderOf(t, {
    'class.ts': `${HEAD}export default class Bare extends TaskWorker ${body}`,
    'instance.ts': `${HEAD}class Instance extends TaskWorker ${body}\nexport default new Instance();`,
    'made.ts': `${HEAD}export class Other extends TaskWorker { name = 'Made'; process() {} }\nexport default fromClass(new Other());`,
    'again.ts': `export { default, default as second } from './class.ts';`,
  });
  assert.deepEqual(await namesIn([folder]), ['Bare', 'Instance', 'Made']);
});

test('two workers of one name are refused, with both files', async (t) => {
  const folder = folderOf(t, {
    'a.ts': `${HEAD}export default ${worker('Same')};`,
    'b.ts': `${HEAD}export default ${worker('Same')};`,
  });
  await assert.rejects(discover([folder], { skipBroken: true }), {
    name: 'WorkersNotLoadedError',
    message: /^2 workers have the name Same: \S+a\.ts and \S+b\.ts; rename one$/,
  });
});

test('a broken file is named with its line and the reason, and the others are found where it may be skipped', async (t) => {
  const broken: Record<string, [text: string, told: RegExp]> = {
    'syntax.ts': [
      'const a = 1;\n\nconst b = (;',
      /syntax\.ts:3: SyntaxError: Expression expected$/,
    ],
    'plain.mjs': ['const a = 1;\nconst b = (;', /plain\.mjs:2: SyntaxError: Unexpected token ';'$/],
    'throws.ts': ['\nthrow new Error("no key");', /throws\.ts:2: Error: no key$/],
    'enum.ts': ['enum A { B }', /enum\.ts:1: SyntaxError: TypeScript enum is not supported/],
    'missing.ts': [
      "// \nimport './gone.ts';",
      /missing\.ts:2: Error: Cannot find module '.*gone\.ts'/,
    ],
    'through.ts': ["import './throws.ts';", /through\.ts cannot .*throws\.ts:2: Error: no key$/],
    'options.ts': [
      `${HEAD}export default defineWorker({ name: 'X', handel: () => 1 });`,
      /options\.ts:2: WorkerDefinitionError: [^]*did you mean handle\?/,
    ],
    'construct.ts': [
      `${HEAD}export class C extends TaskWorker {\n  constructor() { super(); throw new Error('no service'); }\n}`,
      /construct\.ts:3: Error: no service$/,
    ],
  };
  const files = Object.entries(broken).map(([name, [text]]) => [name, text] as const);
  const folder = folderOf(t, {
    ...Object.fromEntries(files),
    'good.ts': `${HEAD}export default ${worker('Good')};`,
  });
  await assert.rejects(discover([folder]), { name: 'WorkersNotLoadedError' });
  const all = await discover([folder], { skipBroken: true });
  assert.deepEqual(
    all.found.map(({ worker: { name } }) => name),
    ['Good'],
  );
  assert.equal(all.broken.length, files.length);
  for (const [name, [, told]] of Object.entries(broken)) {
    const sentence = all.broken.find((each) => each.includes(`/${name} cannot be loaded`)) ?? '';
    assert.match(sentence, told);
  }
});

test('workers that are loaded are listed and found by name, and a wrong name is told what it may mean', async (t) => {
  const folder = folderOf(t, {
    'all.ts': `${HEAD}export const b = ${worker('SmsWorker')};\nexport const a = ${worker('EmailWorker')};`,
  });
  assert.deepEqual(listWorkers(), []);
  assert.throws(() => getWorker('EmailWorker'), /there are: none/);
  await loadWorkers([folder]);
  assert.deepEqual(listWorkers(), ['EmailWorker', 'SmsWorker']);
  assert.equal(getWorker('EmailWorker').name, 'EmailWorker');
  assert.equal(getAllWorkers().length, 2);
  assert.throws(() => getWorker('emailworker'), /did you mean EmailWorker\?/);
});

test('a file whose import never ends is named, though it keeps its process busy', async (t) => {
  const folder = folderOf(t, { 'busy.mjs': 'for (;;);' });
  const [discovery, watch] = ['discover', 'import-watch'].map(
    (name) => new URL(`../../src/workers/${name}.js`, import.meta.url).href,
  );
  const script = `
    const { discover } = await import('${discovery}');
    const { watchImports } = await import('${watch}');
    await discover([${JSON.stringify(folder)}], { begins: watchImports(200).begins });`;
  const child = spawn(process.execPath, ['--input-type=module', '-e', script], {
    stdio: ['ignore', 'ignore', 'pipe'],
  });
  t.after(() => child.kill('SIGKILL'));
  const told = String(await once(child.stderr.setEncoding('utf8'), 'data'));
  assert.match(told, /The import of .*busy\.mjs goes on and on/);
});
