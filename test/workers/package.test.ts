/** The package as a developer gets it: packed, in a project of its own, with TypeScript at its strictest. */
import assert from 'node:assert/strict';
import { execFile } from 'node:child_process';
import { mkdirSync, mkdtempSync, readFileSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { test } from 'node:test';
import { promisify } from 'node:util';
import { z } from 'zod';

const run = async (cwd: string, program: string, ...args: string[]): Promise<string> => {
  const env = { ...process.env, TASK_RESULT_BACKEND: 'redis' };
  const ended = await promisify(execFile)(program, args, { cwd, env }).catch((error: unknown) => {
    const text = z.object({ stdout: z.string(), stderr: z.string() }).parse(error);
    return assert.fail(`${program} ${args.join(' ')}\n${text.stdout}${text.stderr}`);
  });
  return ended.stdout;
};

const TSC = resolve('node_modules/typescript/bin/tsc');

test('a project of its own compiles an example against the packed types, and tests it', async (t) => {
  const project = mkdtempSync(join(tmpdir(), 'despachante-package-'));
  t.after(() => rmSync(project, { recursive: true }));
  const modules = join(project, 'node_modules');
  const installed = join(modules, 'despachante');
  mkdirSync(installed, { recursive: true });

  await run('.', process.execPath, TSC, '-p', 'tsconfig.types.json');
  const npm = ['pack', '--ignore-scripts', '--json', '--pack-destination', project];
  const packed = z
    .array(z.object({ filename: z.string(), files: z.array(z.object({ path: z.string() })) }))
    .parse(JSON.parse(await run('.', 'npm', ...npm)));
  const paths = packed.flatMap(({ files }) => files.map(({ path }) => path));
  assert.ok(paths.includes('dist/src/index.d.ts') && paths.includes('dist/src/cli.js'));
  // With what brings the servers, and the schemas for editors.
  for (const wanted of ['engines/cli.mjs', 'docs/reference/queues.schema.json', '.env.example'])
    assert.ok(paths.includes(wanted), wanted);
  assert.deepEqual(
    paths.filter(
      (path) => /^(dist\/)?(test|bench|examples|src)\//.test(path) && !path.startsWith('dist/src/'),
    ),
    [],
  );
  const tarball = join(project, packed[0]?.filename ?? '');
  await run(project, 'tar', '-xzf', tarball, '-C', installed, '--strip-components=1');
  // What an installation would fetch.
  const { dependencies } = z
    .object({ dependencies: z.record(z.string(), z.string()) })
    .parse(JSON.parse(readFileSync('package.json', 'utf8')));
  for (const name of Object.keys(dependencies)) {
    assert.notEqual(name, 'ioredis');
    mkdirSync(join(modules, name, '..'), { recursive: true });
    symlinkSync(resolve('node_modules', name), join(modules, name));
  }
  symlinkSync(resolve('node_modules/@types'), join(modules, '@types'));

  const compilerOptions = {
    ...{ module: 'nodenext', target: 'es2024', types: ['node'], strict: true, noEmit: true },
    ...{ exactOptionalPropertyTypes: true, noUncheckedIndexedAccess: true, skipLibCheck: false },
    ...{ allowImportingTsExtensions: true, erasableSyntaxOnly: true, verbatimModuleSyntax: true },
  };
  writeFileSync(join(project, 'package.json'), '{ "type": "module" }');
  writeFileSync(join(project, 'tsconfig.json'), JSON.stringify({ compilerOptions }));
  writeFileSync(join(project, 'batch-worker.ts'), readFileSync('examples/batch-worker.ts'));
  writeFileSync(join(project, 'my-worker.ts'), readFileSync('examples/my-worker.ts'));
  writeFileSync(
    join(project, 'main.ts'),
    `import { fromClass, getProducer, getResult, runWorker, send, startWorkers, testWorker } from 'despachante';
import batchWorker from './batch-worker.ts';
import MyWorker from './my-worker.ts';

const [outcome] = await testWorker(batchWorker).runBatch([{ event: 'login', at: '2026-11-27T19:00:00Z' }]);
if (outcome?.kind === 'done' && 'day' in outcome.result) console.log(outcome.result.day);
// @ts-expect-error an event has a name
void testWorker(batchWorker).run({ at: 'today' });
console.log(fromClass(new MyWorker()).name);

export const typed = [
  () => send(batchWorker, { event: 'login', at: '2026-11-27T19:00:00Z' }, { key: 'ana', delay: '5m' }),
  // @ts-expect-error an event has a name
  () => send(batchWorker, { at: 'today' }),
  () => getProducer('kafka').send({ topic: 'tasks', message: { type: 'process' }, key: 'task-123' }),
  async () => (await startWorkers({ workers: [batchWorker, MyWorker, 'Other'] })).stop(),
  (signal: AbortSignal) => runWorker(MyWorker, { signal }),
];
const found = await getResult(batchWorker, 'm-1', { wait: '5s' }).catch(String);
if (typeof found === 'string') console.log(found);
else if (found?.result !== undefined && 'day' in found.result) console.log(found.result.day);
`,
  );
  writeFileSync(
    join(project, 'light.mjs'),
    `import { registerHooks } from 'node:module';
const packages = new Set();
registerHooks({
  load(url, context, next) {
    const [, name] = /^((?:@[^/]+\\/)?[^/]+)/.exec(url.split('/node_modules/').at(-1)) ?? [];
    if (!url.startsWith('node:')) packages.add(name);
    return next(url, context);
  },
});
await import('despachante');
console.log([...packages].sort().join(' '));
`,
  );
  writeFileSync(
    join(project, 'exports.mjs'),
    `const json = async (path) => (await import('despachante/' + path, { with: { type: 'json' } })).default;
const { exports } = await json('package.json');
const { $schema } = await json('docs/reference/queues.schema.json');
const inside = await import('despachante/dist/src/cli.js').catch(({ code }) => code);
console.log(Object.keys(exports).join(' '), typeof $schema, inside);
`,
  );
  const command = (...args: string[]) =>
    run(project, process.execPath, join(installed, 'dist/src/cli.js'), ...args);
  assert.match(await command('help', 'settings', 'intake.batchSize'), /from 1 to 500/);
  const engines = join(installed, 'engines/cli.mjs');
  assert.match(await run(project, process.execPath, engines, '--help'), /rabbitmq/i);
  await run(project, process.execPath, TSC, '-p', '.');
  const [day, name, why = ''] = (await run(project, process.execPath, 'main.ts')).split('\n');
  assert.deepEqual([day, name], ['2026-11-27', 'MyWorker']);
  assert.match(why, /TASK_RESULT_BACKEND is redis.*npm install ioredis@6/);
  const all = '. ./package.json ./docs/reference/*.schema.json';
  const exported = await run(project, process.execPath, 'exports.mjs');
  assert.equal(
    exported,
    `${all} string ERR_PACKAGE_PATH_NOT_EXPORTED
`,
  );
  // A file of workers imports it, in each handler process: nothing of the servers' clients is loaded by that.
  assert.equal(await run(project, process.execPath, 'light.mjs'), 'despachante ms\n');
});
