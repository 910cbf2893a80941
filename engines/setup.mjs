// What a fresh clone needs before anything of ours can run: dependencies and the compiled sources. Does nothing
// when both are up to date.
import { createHash } from 'node:crypto';
import {
  existsSync,
  mkdirSync,
  readFileSync,
  readdirSync,
  rmSync,
  statSync,
  writeFileSync,
} from 'node:fs';
import { join, relative } from 'node:path';
import { withLock } from './lock.mjs';
import { buildEnvironment, root } from './paths.mjs';
import { runTool } from './processes.mjs';

const SOURCES = ['src', 'workflows', 'activities', 'page', 'test', 'bench'];
const SOURCE = /\.(tsx?|css|html|svg|mjs)$/;

/** `npm ci`, when node_modules does not hold what package-lock.json says. */
export function installDependencies(ctx) {
  return withLock(ctx, lockFile(ctx, 'install'), async () => {
    if (isInstalled()) return;
    const log = join(ctx.cache, 'npm-ci.log');
    rmSync(log, { force: true });
    await ctx.progress.step('installing dependencies (npm ci)', 'about 30 s', () =>
      npm(ctx, ['ci', '--ignore-scripts', '--include=dev', '--no-audit', '--no-fund'], log),
    );
    writeFileSync(join(root, 'node_modules', '.despachante'), lockHash());
  });
}

function isInstalled() {
  const npms = join(root, 'node_modules', '.package-lock.json'); // npm writes it last
  const ours = join(root, 'node_modules', '.despachante');
  if (!existsSync(npms)) return false;
  if (existsSync(ours) && readFileSync(ours, 'utf8') === lockHash()) return true;
  return statSync(npms).mtimeMs >= statSync(join(root, 'package-lock.json')).mtimeMs; // installed by hand
}

const lockHash = () =>
  createHash('sha256')
    .update(readFileSync(join(root, 'package-lock.json')))
    .digest('hex');

/** Compiles when a source was changed, added or removed since the last time. */
export function build(ctx) {
  return withLock(ctx, lockFile(ctx, 'build'), async () => {
    const stamp = join(root, 'dist', '.built');
    const now = fingerprint();
    if (existsSync(stamp) && readFileSync(stamp, 'utf8') === now) return;
    const log = join(ctx.cache, 'npm-build.log');
    rmSync(log, { force: true });
    await ctx.progress.step('compiling (npm run build)', 'about 20 s', () =>
      npm(ctx, ['run', '--silent', 'build'], log),
    );
    forgetRemovedTests();
    mkdirSync(join(root, 'dist'), { recursive: true });
    writeFileSync(stamp, now);
  });
}

function fingerprint() {
  const hash = createHash('sha256');
  const files = SOURCES.flatMap((folder) => filesIn(join(root, folder), SOURCE));
  for (const file of [...files, join(root, 'package-lock.json'), join(root, 'tsconfig.json')]) {
    const { size, mtimeMs } = statSync(file);
    hash.update(`${relative(root, file)} ${size} ${mtimeMs}\n`);
  }
  return hash.digest('hex');
}

/** A test whose source was deleted must not run on from what an earlier build left. */
function forgetRemovedTests() {
  for (const file of testFiles())
    if (!existsSync(join(root, relative(join(root, 'dist'), file).replace(/\.js$/, '.ts'))))
      rmSync(file);
}

/** All compiled test files, sorted. */
export const testFiles = () => filesIn(join(root, 'dist', 'test'), /\.test\.js$/);

function filesIn(folder, name) {
  if (!existsSync(folder)) return [];
  return readdirSync(folder, { withFileTypes: true, recursive: true })
    .filter((entry) => entry.isFile() && name.test(entry.name))
    .map((entry) => join(entry.parentPath, entry.name))
    .sort();
}

/** Runs the npm that started us, or else the machine's, under this Node. */
export function npm(ctx, args, log) {
  const options = { env: buildEnvironment(ctx.env), cwd: root, log, signal: ctx.signal, show: -25 }; // npm and tsc tell the cause first
  const script = ctx.env.npm_execpath;
  if (script?.endsWith('npm-cli.js')) return runTool(process.execPath, [script, ...args], options);
  return runTool('npm', args, options);
}

const lockFile = (ctx, what) =>
  join(ctx.cache, `${what}-${createHash('sha256').update(root).digest('hex').slice(0, 12)}.lock`);
