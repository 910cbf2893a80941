// A running Docker engine does the work: the services of docker-compose.yml, at the ports they publish.
import { spawnSync } from 'node:child_process';
import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { findProgram, root } from './paths.mjs';
import { runTool } from './processes.mjs';

const PROJECT = ['compose', '--project-directory', root];

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

/** Starts a service and waits until its health check passes. */
export function composeUp(ctx, service) {
  const log = join(ctx.data, 'logs', `docker-${service}.log`);
  return ctx.progress.step(
    `docker compose up ${service}`,
    'a minute or two when images are new',
    () =>
      runTool('docker', [...PROJECT, 'up', '-d', '--wait', service], {
        env: ctx.env,
        cwd: root,
        log,
        signal: ctx.signal,
      }),
  );
}

export function composeStop(ctx, service) {
  const log = join(ctx.data, 'logs', `docker-${service}.log`);
  return runTool('docker', [...PROJECT, 'stop', service], {
    env: ctx.env,
    cwd: root,
    log,
    signal: ctx.signal,
  });
}

/** Where a service's port is published on this machine, `127.0.0.1:5672`, or undefined. */
export function composePort(ctx, service, port) {
  const answer = spawnSync('docker', [...PROJECT, 'port', service, String(port)], {
    env: ctx.env,
    cwd: root,
    encoding: 'utf8',
    timeout: 10_000,
  });
  const published = /:(\d+)\s*$/.exec(answer.stdout ?? '')?.[1];
  return answer.status === 0 && published ? `127.0.0.1:${published}` : undefined;
}
