// Programs from Debian's packages, RabbitMQ with its Erlang above all, unpacked into the cache: nothing is installed on the machine, no
// service is started, no root is needed.
import { spawnSync } from 'node:child_process';
import {
  existsSync,
  mkdirSync,
  readFileSync,
  readdirSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { join } from 'node:path';
import { cached } from './cache.mjs';
import { buildEnvironment, findProgram } from './paths.mjs';
import { runTool } from './processes.mjs';

export const aptTools = ['apt-get', 'apt-cache', 'dpkg-deb'];

const rabbit = { name: 'rabbitmq-server', label: 'RabbitMQ', variable: 'AMQP_URL' };

/** @returns `{program, path}`: the server script and the PATH under which it finds its Erlang */
export async function fetchRabbit(ctx) {
  for (const tool of aptTools)
    if (!findProgram(tool, ctx.env))
      throw new Error(
        `RabbitMQ is missing: neither AMQP_URL, nor Docker, nor the program "rabbitmq-server" was found, and without ${tool} (Debian, Ubuntu) it cannot be fetched.
  Remedy, any one of: install RabbitMQ (macOS: brew install rabbitmq), start Docker, or give AMQP_URL=amqp://… of a running server.`,
      );
  const version = await candidate(ctx, rabbit);
  // 2: both of Erlang's scripts find themselves.
  const program = await cached(ctx, `rabbitmq-${version}-2`, {
    file: join('usr', 'lib', 'rabbitmq', 'bin', 'rabbitmq-server'),
    label: `fetching RabbitMQ ${version} and Erlang with apt-get`,
    estimate: 'about 30 s',
    async build(folder, log) {
      await unpack(ctx, folder, log, [], needed(ctx));
      relocate(join(folder, 'usr', 'lib', 'erlang'));
    },
  });
  return found(ctx, program);
}

/** What `fetchRabbit` returns, for the server script in a folder of unpacked packages. */
export function found(ctx, program) {
  const folder = join(program, '..', '..', '..', '..', '..');
  return { program, path: `${join(folder, 'usr', 'lib', 'erlang', 'bin')}:${ctx.env.PATH}` };
}

/** The version that apt would take, as far as it knows one without being updated. */
export function aptVersion(ctx, name = rabbit.name) {
  const answer = query(ctx, 'apt-cache', ['policy', name]);
  return /Candidate: (\d\S*)/.exec(answer)?.[1];
}

/**
 * The version apt would take, to name a folder. A machine that never ran `apt-get update` knows none.
 * @param wanted `{name, label, variable}`: of the package, for people, and with which an address can be given instead
 */
export async function candidate(ctx, { name, label, variable }) {
  const known = aptVersion(ctx, name);
  if (known) return known.replace(/[^\w.+-]/g, '_');
  await ctx.progress.step('updating the list of packages (apt-get update)', 'about 15 s', () =>
    runTool('apt-get', ['update'], {
      env: buildEnvironment(ctx.env),
      cwd: '/',
      log: join(ctx.cache, 'apt-update.log'),
      signal: ctx.signal,
    }).catch((error) => {
      const remedy = `Remedy: run "apt-get update" as root, start Docker, or give ${variable}.`;
      throw new Error(
        `${label} is missing, and apt knows no package of it. ${remedy}\n${error.message}`,
      );
    }),
  );
  const learned = aptVersion(ctx, name);
  if (learned) return learned.replace(/[^\w.+-]/g, '_');
  throw new Error(
    `${label} is missing, and the package lists of this machine do not have it. Remedy: install ${label}, start Docker, or give ${variable}.`,
  );
}

/** Downloads packages and unpacks them into the folder. @param options of apt-get */
export async function unpack(ctx, folder, log, options, names) {
  const packages = join(folder, 'packages');
  mkdirSync(packages);
  const how = {
    env: { ...buildEnvironment(ctx.env), LC_ALL: 'C' },
    cwd: packages,
    log,
    signal: ctx.signal,
  };
  await runTool('apt-get', [...options, 'download', ...names], how);
  for (const file of readdirSync(packages))
    await runTool('dpkg-deb', ['-x', join(packages, file), folder], how);
  rmSync(packages, { recursive: true });
}

/** RabbitMQ, Erlang's parts, and what those link to and the machine lacks. */
function needed(ctx) {
  const names = dependenciesOf(ctx, rabbit.name);
  const erlang = names.filter((name) => /^erlang-/.test(name));
  const libraries = names.filter((name) => /^lib(ssl|sctp|tinfo|systemd|crypto)/.test(name));
  return [rabbit.name, ...erlang, ...libraries.filter((name) => !isInstalled(ctx, name))];
}

/** Names of packages that it needs, and those need. */
export function dependenciesOf(ctx, name) {
  const flags = ['recommends', 'suggests', 'conflicts', 'breaks', 'replaces', 'enhances'];
  const no = flags.map((flag) => `--no-${flag}`);
  const answer = query(ctx, 'apt-cache', ['depends', '--recurse', ...no, name]);
  return answer.split('\n').filter((line) => /^[a-z0-9]/.test(line));
}

export const isInstalled = (ctx, name) =>
  /^ii /m.test(query(ctx, 'dpkg-query', ['-W', '-f', '${db:Status-Abbrev} ', name]));

/**
 * Debian's `erl` knows only /usr/lib/erlang; ours finds itself. There is a second one in the folder that a running Erlang puts
 * first in the PATH of itself and of what it starts: that becomes a link to the first.
 */
export function relocate(erlang) {
  const erl = join(erlang, 'bin', 'erl');
  if (!existsSync(erl)) throw new Error(`the packages hold no ${erl}`);
  const found = 'ROOTDIR=$(CDPATH= cd -- "$(dirname -- "$(readlink -f -- "$0")")/.." && pwd)';
  const text = readFileSync(erl, 'utf8');
  writeFileSync(
    erl,
    text.replaceAll('ROOTDIR=/usr/lib/erlang', () => found),
  );
  for (const runtime of readdirSync(erlang).filter((name) => name.startsWith('erts-'))) {
    const second = join(erlang, runtime, 'bin', 'erl');
    rmSync(second, { force: true });
    symlinkSync(join('..', '..', 'bin', 'erl'), second);
  }
}

function query(ctx, program, args) {
  return (
    spawnSync(program, args, {
      env: { ...buildEnvironment(ctx.env), LC_ALL: 'C' },
      encoding: 'utf8',
    }).stdout ?? ''
  );
}
