// Temporal: the CLI's development server with its Web UI, on a data file, so that runs survive a restart.
import { spawnSync } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { existsSync, mkdirSync, readFileSync, readdirSync } from 'node:fs';
import { join } from 'node:path';
import { cached } from './cache.mjs';
import { downloadBySdk } from './download.mjs';
import { grpcAnswers, httpAnswers } from './health.mjs';
import { buildEnvironment, findProgram } from './paths.mjs';
import { writePrivate } from './state.mjs';
import { endServer, runTool, spawnServer } from './processes.mjs';

// The newest whose go.mod has no `replace` line: `go install …@version` refuses those.
const VERSION = '1.5.1';

// One worker pool on one machine: one partition instead of 4, no rate limit below what the machine can do,
// and room in the cache for all that is in flight (the CLI's 8,096 is less).
const SETTINGS = {
  'history.hostLevelCacheMaxSize': 100_000,
  'frontend.rps': 100_000,
  'frontend.namespaceRPS': 100_000,
  'frontend.namespaceCount': 10_000,
  'frontend.namespaceRPS.visibility': 1000,
  'history.rps': 100_000,
  'matching.rps': 100_000,
  'matching.numTaskqueueReadPartitions': 1,
  'matching.numTaskqueueWritePartitions': 1,
  'system.enableActivityEagerExecution': true,
};

export const temporal = {
  name: 'temporal',
  variable: 'TEMPORAL_ADDRESS',
  // At the last one nobody listens but `despachante codec`, which Temporal Web asks for what is encrypted.
  portNames: ['grpc', 'web', 'http', 'metrics', 'codec'],
  startMs: 90_000,

  async locate(ctx) {
    const onPath = findProgram('temporal', ctx.env);
    if (onPath) return { how: 'PATH', program: onPath };
    const built = join(ctx.cache, `temporal-${VERSION}`, 'temporal');
    if (existsSync(built)) return { how: 'cache', program: built };
    const downloaded = await downloadBySdk(ctx, 'dev-server', VERSION);
    if (downloaded) return { how: 'download', program: downloaded };
    return { how: 'build', program: await build(ctx) };
  },

  async launch(ctx, { program }, ports, { data, log, track }) {
    mkdirSync(data, { recursive: true });
    const settings = Object.entries(SETTINGS).flatMap(([key, value]) => [
      '--dynamic-config-value',
      `${key}=${JSON.stringify(value)}`,
    ]);
    const args = ['server', 'start-dev', '--ip', '127.0.0.1'];
    args.push('--port', ports.grpc, '--ui-port', ports.web);
    args.push('--ui-codec-endpoint', codecUrl(ports, ctx));
    args.push('--http-port', ports.http, '--metrics-port', ports.metrics);
    args.push('--db-filename', dataFile(ctx, program, data), '--log-level', 'warn');
    // WAL with NORMAL: a killed server loses nothing; at a power cut the last commits, never the file.
    args.push('--sqlite-pragma', 'journal_mode=wal', '--sqlite-pragma', 'synchronous=normal');
    // Its garbage collector would else take a tenth of its time for some megabytes.
    const env = { GOGC: '400', ...buildEnvironment(ctx.env), HOME: data };
    track(
      await spawnServer('temporal', program, [...args, ...settings].map(String), {
        env,
        cwd: data,
        log,
      }),
    );
  },

  async check(addresses, ports) {
    if (!ports) return grpcAnswers(addresses.TEMPORAL_ADDRESS); // not started by us: only its address is known
    await httpAnswers(addresses.TEMPORAL_WEB_URL);
    // The frontend itself, through its HTTP API: the namespace is there, so workflows can be started.
    const base = `http://127.0.0.1:${ports.http}/api/v1`;
    await httpAnswers(`${base}/namespaces/default`);
    const info = JSON.parse(await httpAnswers(`${base}/system-info`));
    return { version: info.serverVersion ?? 'unknown' };
  },

  addresses: (ports, _found, ctx) => ({
    TEMPORAL_ADDRESS: `127.0.0.1:${ports.grpc}`,
    TEMPORAL_WEB_URL: `http://127.0.0.1:${ports.web}`,
    TEMPORAL_CODEC_URL: codecUrl(ports, ctx),
  }),

  async end(record) {
    for (const one of record.processes) await endServer(one);
  },
};

/** Its path is a token, as Temporal Web can send no other: whoever does not know it has nothing decrypted. */
const codecUrl = (ports, ctx) => `http://127.0.0.1:${ports.codec}/${codecToken(ctx)}`;

/** Made once for an instance, so that the address stays the same. */
function codecToken(ctx) {
  const file = join(ctx.data, 'codec.token');
  if (!existsSync(file)) writePrivate(file, randomBytes(16).toString('hex'));
  return readFileSync(file, 'utf8');
}

/**
 * One data file per minor version of the server: versions do not read each other's files, and a newer CLI
 * on the PATH must not spoil yesterday's.
 */
function dataFile(ctx, program, data) {
  const { stdout } = spawnSync(program, ['--version'], { encoding: 'utf8', timeout: 10_000 });
  const version = /Server (\d+\.\d+)/.exec(stdout ?? '')?.[1] ?? 'unknown';
  const name = `temporal-${version}.db`;
  const others = readdirSync(data).filter(
    (file) => /^temporal-.*\.db$/.test(file) && file !== name,
  );
  if (others.length > 0 && !existsSync(join(data, name)))
    ctx.progress.say(
      `  note: this Temporal server (${version}) begins with an empty data file; the runs of another version stay in ${join(data, others[0])}`,
    );
  return join(data, name);
}

function build(ctx) {
  const go = findProgram('go', ctx.env);
  if (!go)
    throw new Error(
      `Temporal is missing: neither TEMPORAL_ADDRESS, nor Docker, nor the program "temporal" was found, it could not be downloaded, and to build it Go is missing.
  Remedy, any one of: install the Temporal CLI (https://docs.temporal.io/cli) or Go 1.24 or newer (https://go.dev/dl), start Docker, or give TEMPORAL_ADDRESS=host:port of a running server.`,
    );
  return cached(ctx, `temporal-${VERSION}`, {
    file: 'temporal',
    label: `building Temporal CLI ${VERSION} with Go`,
    estimate: 'about 5 min',
    // Go checks each module against sum.golang.org, or what GOSUMDB says.
    build: (folder, log) =>
      runTool(go, ['install', `github.com/temporalio/cli/cmd/temporal@v${VERSION}`], {
        env: { ...buildEnvironment(ctx.env), GOBIN: folder },
        cwd: folder,
        log,
        signal: ctx.signal,
      }),
  });
}
