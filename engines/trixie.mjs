// RabbitMQ 4 and its Erlang from Debian 13 (trixie), for tests, on a machine whose own Debian has an older one: by package
// lists of their own, unpacked into the cache together with the libraries they were built for. No root is needed.
import { spawnSync } from 'node:child_process';
import {
  chmodSync,
  closeSync,
  existsSync,
  mkdirSync,
  openSync,
  readFileSync,
  readSync,
  readdirSync,
  renameSync,
  rmSync,
  statSync,
  writeFileSync,
} from 'node:fs';
import { join } from 'node:path';
import { cached } from './cache.mjs';
import { aptTools, found, relocate, unpack } from './debian.mjs';
import { buildEnvironment, findProgram } from './paths.mjs';
import { runTool } from './processes.mjs';

export const VERSION = '4.0.5';
const KEYS = '/usr/share/keyrings/debian-archive-keyring.gpg';

/**
 * @returns `{program, path}` as `fetchRabbit` does
 * @throws Error that says why this machine does not offer RabbitMQ 4
 */
export async function fetchRabbit4(ctx) {
  const program = await cached(ctx, `rabbitmq-${VERSION}`, {
    file: join('usr', 'lib', 'rabbitmq', 'bin', 'rabbitmq-server'),
    label: `fetching RabbitMQ ${VERSION} and Erlang with apt-get`,
    estimate: 'about 30 s',
    build: (folder, log) => build(ctx, folder, log),
  });
  return found(ctx, program);
}

async function build(ctx, folder, log) {
  const missing = aptTools.find((tool) => !findProgram(tool, ctx.env));
  if (missing) throw new Error(`there is no ${missing}, which Debian and Ubuntu have`);
  if (!existsSync(KEYS)) throw new Error(`Debian's keys are missing (${KEYS})`);
  const mirror = mirrorIn(indexTargets(ctx));
  if (!mirror) throw new Error('apt is not set up with a mirror of Debian');

  const apt = join(folder, 'apt');
  for (const part of ['lists', 'cache']) mkdirSync(join(apt, part, 'partial'), { recursive: true });
  writeFileSync(join(apt, 'status'), ''); // so that for apt nothing is installed, not even a libc
  writeFileSync(join(apt, 'sources.list'), `deb [signed-by=${KEYS}] ${mirror} trixie main\n`);
  const settings = join(apt, 'apt.conf');
  writeFileSync(settings, aptSettings(apt));
  const options = {
    env: { ...buildEnvironment(ctx.env), LC_ALL: 'C' },
    cwd: apt,
    log,
    signal: ctx.signal,
  };
  await runTool('apt-get', ['-c', settings, 'update'], options).catch((error) => {
    ctx.signal.throwIfAborted();
    throw new Error(
      `the package lists of trixie could not be fetched, see ${log}\n${error.message}`,
    );
  });
  const plan = spawnSync('apt-get', ['-c', settings, ...simulated], {
    ...options,
    encoding: 'utf8',
  });
  await unpack(ctx, folder, log, ['-c', settings], wanted(plan.stdout ?? ''));
  rmSync(apt, { recursive: true });
  relocate(join(folder, 'usr', 'lib', 'erlang'));
  wrapPrograms(join(folder, 'usr', 'lib', 'erlang'));
}

const simulated = ['install', '--simulate', '--no-install-recommends', 'rabbitmq-server'];

function indexTargets(ctx) {
  const format = ['--format', '$(REPO_URI) $(RELEASE) $(COMPONENT)', 'Created-By: Packages'];
  const env = { ...buildEnvironment(ctx.env), LC_ALL: 'C' };
  return spawnSync('apt-get', ['indextargets', ...format], { env, encoding: 'utf8' }).stdout ?? '';
}

/** @param targets lines of address, release and component: the first that can be Debian's own archive, or undefined */
export const mirrorIn = (targets) =>
  /^(\S+\/debian\/?) (?:bullseye|bookworm|forky|(?:old)?stable|testing|unstable|sid) main$/m.exec(
    targets,
  )?.[1];

/** The machine's proxies and passwords hold, its sources, lists, pins and hooks do not. */
const aptSettings = (folder) => `#clear APT::Update;
APT::Update::Error-Mode "any";
Dir::Etc::SourceList "${folder}/sources.list";
Dir::Etc::SourceParts "/dev/null";
Dir::Etc::Preferences "/dev/null";
Dir::Etc::PreferencesParts "/dev/null";
Dir::State::Lists "${folder}/lists";
Dir::State::Status "${folder}/status";
Dir::Cache "${folder}/cache";
Acquire::IndexTargets::deb::DEP-11::DefaultEnabled "false";
Acquire::Languages "none";
`;

/**
 * @param plan as `apt-get install --simulate` prints it for a machine that has nothing
 * @returns the packages to take of it: RabbitMQ, Erlang, and the libraries that they may link to
 * @throws Error when it has another version than the one that is tested
 */
export function wanted(plan) {
  const version = /^Inst rabbitmq-server \((\S+?)-/m.exec(plan)?.[1];
  if (version !== VERSION)
    throw new Error(`the mirror has RabbitMQ ${version ?? 'of no version'} for trixie`);
  return [...plan.matchAll(/^Inst (\S+) /gm)]
    .map(([, name]) => name)
    .filter((name) => /^(rabbitmq-server|erlang-.*|lib(?!python).*|zlib1g)$/.test(name));
}

/** A program that is linked to trixie's libc runs elsewhere when trixie's loader starts it, and finds the libraries beside it. */
function wrapPrograms(erlang) {
  for (const entry of readdirSync(erlang, { withFileTypes: true, recursive: true })) {
    const file = join(entry.parentPath, entry.name);
    if (!entry.isFile() || !(statSync(file).mode & 0o100) || !isBinary(file)) continue;
    renameSync(file, `${file}.elf`);
    writeFileSync(file, WRAPPER);
    chmodSync(file, 0o755);
  }
}

const WRAPPER = `#!/bin/sh
self=$(readlink -f -- "$0")
root=\${self%/usr/lib/erlang/*}
for loader in "$root"/usr/lib/*/ld-linux*.so.*; do
  exec "$loader" --library-path "\${loader%/*}" --argv0 "$0" "$self.elf" "$@"
done
`;

function isBinary(file) {
  const start = Buffer.alloc(4);
  const open = openSync(file, 'r');
  readSync(open, start, 0, 4, 0);
  closeSync(open);
  return start.toString('latin1') === '\x7fELF';
}
