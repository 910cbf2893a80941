// A running Docker engine does the work: the services of docker-compose.yml, as a project of the instance's own, so
// with volumes of its own, and published at the instance's private ports.
import { spawnSync } from 'node:child_process';
import { existsSync, mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { findProgram, root } from './paths.mjs';
import { runTool } from './processes.mjs';

// engine → service → our name of the port → the port inside the container
const SERVICES = {
  rabbitmq: { rabbitmq: { amqp: 5672, web: 15672 } },
  temporal: { temporal: { grpc: 7233 }, 'temporal-web': { web: 8080 } },
  mongodb: { mongodb: { mongo: 27017 } },
};

/** Whether a Docker engine answers within 3 s (a client alone, or a hanging engine, does not count). */
export function dockerRuns(ctx) {
  const docker = findProgram('docker', ctx.env);
  if (!docker || !existsSync(join(root, 'docker-compose.yml'))) return false;
  const answer = spawnSync(docker, ['info', '--format', '{{.ServerVersion}}'], {
    env: ctx.env,
    encoding: 'utf8',
    timeout: 3000,
  });
  return answer.status === 0 && answer.stdout.trim() !== '';
}

/**
 * Starts the engines' services and waits until they are healthy.
 * @param ports `{engine: {name: port}}`
 * @param fresh true to delete the volumes of an earlier run
 */
export async function composeUp(ctx, engines, ports, { fresh }) {
  mkdirSync(ctx.data, { recursive: true });
  writeFileSync(join(ctx.data, 'docker.yml'), publishing(ports));
  await ctx.progress.step(
    `docker compose up ${engines.join(' ')}`,
    'a few minutes while images are new',
    async () => {
      if (fresh) await compose(ctx, ['down', '--volumes']);
      await compose(ctx, ['up', '-d', '--wait', ...servicesOf(engines)]);
    },
  );
}

export function composeStop(ctx, engine) {
  return compose(ctx, ['stop', ...servicesOf([engine])]);
}

/** A second compose file that takes the place of the published ports (`!override`: Compose 2.24.4 or newer). */
function publishing(ports) {
  const lines = ['services:'];
  for (const [engine, services] of Object.entries(SERVICES))
    for (const [service, inside] of Object.entries(services)) {
      if (ports[engine] === undefined) continue;
      lines.push(`  ${service}:`, '    ports: !override');
      for (const [name, port] of Object.entries(inside))
        lines.push(`      - "127.0.0.1:${ports[engine][name]}:${port}"`);
    }
  return `${lines.join('\n')}\n`;
}

const servicesOf = (engines) => engines.flatMap((engine) => Object.keys(SERVICES[engine]));

function compose(ctx, args) {
  const files = ['-f', join(root, 'docker-compose.yml'), '-f', join(ctx.data, 'docker.yml')];
  const project = ['compose', '-p', `despachante-${ctx.instance}`, '--project-directory', root];
  return runTool('docker', [...project, ...files, ...args], {
    env: ctx.env,
    cwd: root,
    log: join(ctx.data, 'logs', 'docker.log'),
    signal: ctx.signal,
  });
}
