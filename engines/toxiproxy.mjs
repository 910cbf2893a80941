// Toxiproxy: a TCP proxy that delays, cuts and swallows what goes through it, for the fault suite.
import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { cached } from './cache.mjs';
import { httpAnswers } from './health.mjs';
import { buildEnvironment, findProgram } from './paths.mjs';
import { endServer, runTool, spawnServer } from './processes.mjs';

// The newest that the Go proxy knows: later tags have no Go module.
const VERSION = '2.5.0';

export const toxiproxy = {
  name: 'toxiproxy',
  variable: 'TOXIPROXY_URL',
  portNames: ['api'],
  startMs: 20_000,
  local: true, // no service of docker-compose.yml: it is to reach servers by the addresses that we have

  async locate(ctx) {
    const onPath = findProgram('toxiproxy-server', ctx.env);
    if (onPath) return { how: 'PATH', program: onPath };
    const built = join(ctx.cache, `toxiproxy-${VERSION}`, 'server');
    if (existsSync(built)) return { how: 'cache', program: built };
    return { how: 'build', program: await build(ctx) };
  },

  async launch(_ctx, { program }, ports, { log, track }) {
    const args = ['-host', '127.0.0.1', '-port', String(ports.api)];
    track(await spawnServer('toxiproxy', program, args, { env: {}, cwd: '/', log }));
  },

  async check(addresses) {
    const answer = await httpAnswers(`${addresses.TOXIPROXY_URL}/version`);
    return { version: /\d+\.\d+\.\d+/.exec(answer)?.[0] ?? VERSION }; // built by Go it calls itself "git"
  },

  addresses: (ports) => ({ TOXIPROXY_URL: `http://127.0.0.1:${ports.api}` }),

  async end(record) {
    for (const one of record.processes) await endServer(one);
  },
};

function build(ctx) {
  const go = findProgram('go', ctx.env);
  if (!go)
    throw new Error(
      `Toxiproxy, which the fault suite cuts connections with, is missing: neither TOXIPROXY_URL nor the program "toxiproxy-server" was found, and to build it Go is missing.
  Remedy, any one of: install toxiproxy (https://github.com/Shopify/toxiproxy/releases) or Go 1.24 or newer (https://go.dev/dl), or give TOXIPROXY_URL=http://host:port of a running one on this machine.`,
    );
  return cached(ctx, `toxiproxy-${VERSION}`, {
    file: 'server',
    label: `building toxiproxy ${VERSION} with Go`,
    estimate: 'about a minute',
    // Go checks each module against sum.golang.org, or what GOSUMDB says.
    build: (folder, log) =>
      runTool(go, ['install', `github.com/Shopify/toxiproxy/v2/cmd/server@v${VERSION}`], {
        env: { ...buildEnvironment(ctx.env), GOBIN: folder },
        cwd: folder,
        log,
        signal: ctx.signal,
      }),
  });
}
