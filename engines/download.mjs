// The Temporal SDK can fetch its own servers from the vendor. Quick where that site is reachable, so it is tried
// before building; in a process of its own, since the SDK's download cannot be interrupted.
import { spawn } from 'node:child_process';
import { existsSync, mkdirSync, readdirSync, rmSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { withLock } from './lock.mjs';
import { buildEnvironment, root } from './paths.mjs';

const PATIENCE_MS = 20_000; // without progress

/**
 * @param kind 'dev-server' (Temporal CLI) or 'test-server' (time-skipping)
 * @param version of the program. Its hash is not known before: whoever serves https://temporal.download is trusted
 * @returns the program's path, or undefined when it could not be fetched: the caller goes on with the next way
 */
export async function downloadBySdk(ctx, kind, version) {
  const folder = join(ctx.cache, `sdk-${kind}-${version}`);
  if (finished(folder)) return finished(folder);
  await ctx.modulesReady; // `npm ci` may still be at work
  if (!existsSync(join(root, 'node_modules', '@temporalio', 'testing'))) return undefined;
  await withLock(ctx, `${folder}.lock`, async () => {
    if (finished(folder)) return; // another process fetched it while we waited
    mkdirSync(folder, { recursive: true });
    await ctx.progress.step(
      `asking the Temporal SDK to download its ${kind}`,
      'given up after 20 s without progress',
      () => attempt(ctx, kind, version, folder),
    );
    for (const name of readdirSync(folder))
      if (isPart(name)) rmSync(join(folder, name), { force: true });
  });
  ctx.signal.throwIfAborted();
  return finished(folder);
}

const isPart = (name) => name.endsWith('.downloading'); // renamed by the SDK when complete

function finished(folder) {
  if (!existsSync(folder)) return undefined;
  const name = readdirSync(folder).find((file) => !isPart(file));
  return name && join(folder, name);
}

async function attempt(ctx, kind, version, folder) {
  const create = kind === 'dev-server' ? 'createLocal' : 'createTimeSkipping';
  const script = `
    import { TestWorkflowEnvironment } from '@temporalio/testing';
    const [version, downloadDir] = ${JSON.stringify([`v${version}`, folder])};
    const server = { executable: { type: 'cached-download', version, downloadDir } };
    const environment = await TestWorkflowEnvironment.${create}({ server });
    await environment.teardown();
  `;
  // A group of its own: when it is killed, the server it may have started goes with it.
  const child = spawn(process.execPath, ['--input-type=module', '-e', script], {
    cwd: root,
    env: buildEnvironment(ctx.env),
    stdio: 'ignore',
    detached: true,
  });
  let running = true;
  child.once('error', () => (running = false));
  child.once('close', () => (running = false));

  let seen = '';
  let deadline = Date.now() + PATIENCE_MS;
  while (running && Date.now() < deadline && !ctx.signal.aborted) {
    await sleep(100);
    const now = readdirSync(folder)
      .map((name) => `${name} ${statSync(join(folder, name), { throwIfNoEntry: false })?.size}`)
      .join();
    if (now !== seen) deadline = Date.now() + PATIENCE_MS;
    seen = now;
  }
  if (running) process.kill(-child.pid, 'SIGKILL');
}
