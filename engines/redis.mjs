// Redis as a private server, for results: own port and folder, loopback only. Started only when asked for.
import { mkdirSync } from 'node:fs';
import { join } from 'node:path';
import { cached } from './cache.mjs';
import { aptTools, candidate, dependenciesOf, isInstalled, unpack } from './debian.mjs';
import { converse } from './health.mjs';
import { findProgram } from './paths.mjs';
import { endServer, spawnServer } from './processes.mjs';

const wanted = { name: 'redis-server', label: 'Redis', variable: 'REDIS_URL' };

export const redis = {
  name: 'redis',
  variable: 'REDIS_URL',
  portNames: ['redis'],
  startMs: 20_000,
  local: true, // no service of docker-compose.yml

  async locate(ctx) {
    const onPath = findProgram('redis-server', ctx.env);
    if (onPath) return { how: 'PATH', program: onPath };
    const tool = aptTools.find((name) => !findProgram(name, ctx.env));
    if (tool)
      throw new Error(
        `Redis is missing: neither REDIS_URL nor the program "redis-server" was found, and without ${tool} (Debian, Ubuntu) it cannot be fetched.
  Remedy, any one of: install Redis (macOS: brew install redis), or give REDIS_URL=redis://… of a running server.`,
      );
    const version = await candidate(ctx, wanted);
    const program = await cached(ctx, `redis-${version}`, {
      file: join('usr', 'bin', 'redis-server'),
      label: `fetching Redis ${version} with apt-get`,
      estimate: 'about 5 s',
      build: (folder, log) => unpack(ctx, folder, log, [], needed(ctx)),
    });
    return { how: 'cache', program, libraries: join(program, '..', '..', 'lib') };
  },

  async launch(_ctx, { program, libraries }, ports, { data, log, track }) {
    mkdirSync(data, { recursive: true });
    const settings = { bind: '127.0.0.1', port: ports.redis, dir: data, appendonly: 'yes' };
    const args = Object.entries(settings).flatMap(([name, value]) => [`--${name}`, String(value)]);
    track(
      await spawnServer('redis', program, args, { env: environment(libraries), cwd: data, log }),
    );
  },

  async check({ REDIS_URL: url }) {
    const { hostname, port } = new URL(url);
    return converse(hostname, Number(port || 6379), Buffer.from('INFO server\r\n'), (answer) => {
      const text = answer.toString();
      const version = /redis_version:(\S+)/.exec(text)?.[1];
      // A server with a password answers, too.
      return version || text.startsWith('-NOAUTH') ? { version: version ?? 'not told' } : undefined;
    });
  },

  addresses: (ports) => ({ REDIS_URL: `redis://127.0.0.1:${ports.redis}` }),

  async end(record) {
    for (const one of record.processes) await endServer(one);
  },
};

/** Where Debian puts libraries of a processor's own. */
const TRIPLET = { x64: 'x86_64-linux-gnu', arm64: 'aarch64-linux-gnu' };

const environment = (libraries) =>
  libraries ? { LD_LIBRARY_PATH: join(libraries, TRIPLET[process.arch] ?? '') } : {};

/** The program is in the package of the tools. */
function needed(ctx) {
  const libraries = dependenciesOf(ctx, 'redis-tools').filter((name) =>
    /^lib(jemalloc|lzf|atomic|ssl|systemd)/.test(name),
  );
  return ['redis-tools', 'redis-server', ...libraries.filter((name) => !isInstalled(ctx, name))];
}
