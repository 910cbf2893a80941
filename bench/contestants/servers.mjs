// What the contestants need and the product does not: their npm packages, Redis and PostgreSQL. Used by bench/compare.ts as
// `node bench/contestants/servers.mjs install|camel|celery|rclone|redis|postgres [folder]`; a server stays in the foreground of this process
// group and is ended by SIGTERM. Debian's packages are unpacked into the cache: nothing is installed on the machine.
import { spawn, spawnSync } from 'node:child_process';
import { chmodSync, existsSync, mkdirSync, readdirSync, realpathSync, rmSync } from 'node:fs';
import { createServer } from 'node:net';
import { join } from 'node:path';
import { cached } from '../../engines/cache.mjs';
import { fetchJars } from '../../engines/maven.mjs';
import { cacheFolder, findProgram, root } from '../../engines/paths.mjs';
import { runTool } from '../../engines/processes.mjs';
import { createProgress } from '../../engines/progress.mjs';

const env = process.env;
const ctx = { env, cache: cacheFolder(env), progress: createProgress() };
const home = join(root, 'bench', 'contestants');

/** `npm install`, when node_modules is not there. */
async function install() {
  if (existsSync(join(home, 'node_modules', '.package-lock.json'))) return;
  const log = join(ctx.cache, 'npm-ci-contestants.log');
  // Not `npm ci`: it refuses a lock without the optional packages of other platforms, which not every registry has.
  const args = [
    'install',
    '--no-save',
    '--omit=optional',
    '--ignore-scripts',
    '--no-audit',
    '--no-fund',
  ];
  await ctx.progress.step('installing the contestants (npm install)', 'about 10 s', () =>
    runTool('npm', args, { env, cwd: home, log }),
  );
}

/** The path of a program: on the PATH or where Debian has it, else from Debian's packages. */
async function program(name, packages, file) {
  const found = findProgram(name, { PATH: `${env.PATH}:${debianFolders()}` });
  if (found) return found;
  return cached(ctx, `debian-${packages[0]}`, {
    file,
    label: `fetching ${packages.join(', ')} with apt-get`,
    estimate: 'about 10 s',
    async build(folder, log) {
      const downloads = join(folder, 'packages');
      mkdirSync(downloads);
      const options = { env, cwd: downloads, log };
      await runTool('apt-get', ['download', ...packages], options);
      for (const each of readdirSync(downloads))
        await runTool('dpkg-deb', ['-x', join(downloads, each), folder], options);
      rmSync(downloads, { recursive: true });
    },
  });
}

/** The Python that has Celery. */
async function celery() {
  const python = findProgram('python3', env);
  if (!python) throw new Error('Python 3 is missing. Remedy: install it, or leave Celery out.');
  const program = await cached(ctx, 'celery-5.7.0', {
    file: join('bin', 'python'),
    label: 'fetching Celery with pip',
    estimate: 'about 15 s',
    async build(folder, log) {
      const options = { env, cwd: folder, log };
      await runTool(python, ['-m', 'venv', folder], options);
      const pip = ['-m', 'pip', 'install', '--disable-pip-version-check', '--only-binary', ':all:'];
      pip.push('--requirement', join(home, 'requirements.txt'));
      await runTool(join(folder, 'bin', 'python'), pip, options);
    },
  });
  process.send({ program });
}

const CAMEL = '4.22.0';

/** A Java with Camel's jars, and the route beside this file compiled into the folder. */
async function camel(folder) {
  const tool = ['java', 'javac', 'mvn'].find((each) => !findProgram(each, env));
  if (tool)
    throw new Error(
      `Camel needs a JDK 17 or newer and Maven, and "${tool}" is missing. Remedy: install it (Debian: apt install default-jdk-headless maven), or leave Camel out.`,
    );
  const jars = await cached(ctx, `camel-${CAMEL}`, {
    file: 'jars',
    label: `fetching Camel ${CAMEL} with Maven`,
    estimate: 'about 30 s',
    build: (place, log) =>
      fetchJars(ctx, place, log, {
        artifacts: [
          ...['camel-main', 'camel-file', 'camel-http'].map(
            (name) => `org.apache.camel:${name}:${CAMEL}`,
          ),
          'org.slf4j:slf4j-simple:2.0.17',
        ],
        lock: 'bench/contestants/camel.lock.txt',
      }),
  });
  const classPath = ['-cp', `${jars}/*:${folder}`];
  const log = join(folder, 'javac.log');
  const source = join(home, 'CamelFiles.java');
  await runTool('javac', ['-d', folder, ...classPath, source], { env, cwd: folder, log });
  const quiet = '-Dorg.slf4j.simpleLogger.defaultLogLevel=warn';
  process.send({ program: ['java', quiet, ...classPath, 'CamelFiles'] });
}

/** rclone, which needs nothing beside itself. */
const rclone = async () =>
  process.send({ program: await program('rclone', ['rclone'], join('usr', 'bin', 'rclone')) });

const postgresHome = '/usr/lib/postgresql';
const debianFolders = () =>
  existsSync(postgresHome)
    ? readdirSync(postgresHome)
        .map((version) => join(postgresHome, version, 'bin'))
        .join(':')
    : '';

async function redis(folder) {
  const file = join('usr', 'bin', 'redis-check-rdb'); // redis-server is a link to it
  const packages = ['redis-tools', 'redis-server', 'libjemalloc2', 'liblzf1', 'libatomic1'];
  const server = await program('redis-server', packages, file);
  const port = await freePort();
  const unpacked = server.endsWith(file);
  const libraries = unpacked ? { LD_LIBRARY_PATH: librariesBeside(server) } : {};
  const options = ['--port', `${port}`, '--bind', '127.0.0.1', '--dir', folder, '--save', ''];
  options.push('--appendonly', 'yes', '--appendfsync', 'everysec');
  const child = spawn(server, options, {
    env: { ...env, ...libraries },
    argv0: 'redis-server', // the program asks its own name what it is
    stdio: ['ignore', 2, 2],
  });
  await up(child, port);
  announce(child, `redis://127.0.0.1:${port}`);
}

const librariesBeside = (server) => {
  const lib = join(server, '..', '..', 'lib');
  return readdirSync(lib)
    .map((folder) => join(lib, folder))
    .join(':');
};

async function postgres(folder) {
  const found = findProgram('postgres', { PATH: `${env.PATH}:${debianFolders()}` });
  if (!found)
    throw new Error(
      'PostgreSQL is missing. Remedy: apt-get install postgresql, or leave pg-boss out.',
    );
  const server = realpathSync(found); // its tools lie beside it, not beside a link to it
  const data = join(folder, 'data');
  const port = await freePort();
  // The server and initdb refuse to run as root.
  const isRoot = process.getuid?.() === 0;
  if (isRoot) {
    chmodSync(folder, 0o777);
    spawnSync('chmod', ['a+x', join(folder, '..')]);
  }
  const as = isRoot ? ['runuser', '-u', 'postgres', '--'] : [];
  const [initdb, ...initArgs] = [...as, join(server, '..', 'initdb'), '-D', data];
  const made = spawnSync(initdb, [...initArgs, '-A', 'trust', '-U', 'bench', '-E', 'UTF8'], {
    encoding: 'utf8',
    cwd: folder,
  });
  if (made.status !== 0) throw new Error(`initdb failed: ${made.stderr}`);
  const listen = ['-c', 'listen_addresses=127.0.0.1', '-c', `unix_socket_directories=${folder}`];
  const child = isRoot
    ? spawn(
        'setpriv',
        [
          '--reuid=postgres',
          '--regid=postgres',
          '--init-groups',
          server,
          '-D',
          data,
          '-p',
          `${port}`,
          ...listen,
        ],
        { cwd: folder, stdio: ['ignore', 2, 2] },
      )
    : spawn(server, ['-D', data, '-p', `${port}`, ...listen], {
        cwd: folder,
        stdio: ['ignore', 2, 2],
      });
  const ready = () =>
    spawnSync(join(server, '..', 'pg_isready'), ['-h', '127.0.0.1', '-p', `${port}`]).status === 0;
  await up(child, port, ready);
  announce(child, `postgres://bench@127.0.0.1:${port}/postgres`);
}

const freePort = () =>
  new Promise((resolve) => {
    const server = createServer();
    server.listen(0, '127.0.0.1', () => {
      const { port } = server.address();
      server.close(() => resolve(port));
    });
  });

async function up(child, port, isReady = () => true) {
  let code = null;
  child.once('exit', (status) => (code = status ?? 1));
  process.once('exit', () => child.kill('SIGINT'));
  const { connect } = await import('node:net');
  for (let tries = 0; tries < 300; tries++) {
    if (code !== null) throw new Error(`the server ended with code ${code}`);
    const connected = await new Promise((resolve) => {
      const socket = connect(port, '127.0.0.1', () => resolve(true));
      socket.once('error', () => resolve(false));
      socket.once('connect', () => socket.end());
    });
    if (connected && isReady()) return;
    await new Promise((resolve) => setTimeout(resolve, 100));
  }
  throw new Error('the server is not up after 30 s');
}

function announce(child, url) {
  process.send({ url, pid: child.pid });
  // SIGINT is PostgreSQL's quick way to stop, and nothing of it is kept anyway.
  for (const signal of ['SIGTERM', 'SIGINT', 'disconnect'])
    process.on(signal, () => child.kill('SIGINT'));
  child.once('exit', () => process.exit());
}

const [what, folder] = process.argv.slice(2);
const actions = { install, camel, celery, rclone, redis, postgres };
await actions[what](folder).catch((error) => {
  process.stderr.write(`${error.message}\n`);
  process.exit(1);
});
