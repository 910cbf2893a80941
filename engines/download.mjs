// The Temporal SDK can fetch its own servers from the vendor. Quick where that site is reachable, so it is tried
// before building; in a child process with a limit, since the SDK's download cannot be interrupted.
import { spawn } from 'node:child_process';
import { existsSync, mkdirSync, readdirSync } from 'node:fs';
import { join } from 'node:path';
import { root } from './paths.mjs';

const LIMIT_MS = 20_000;
const FILES = { 'dev-server': /^temporal-cli-/, 'test-server': /^temporal-test-server-/ };

/**
 * @param kind 'dev-server' (Temporal CLI) or 'test-server' (time-skipping)
 * @returns the program's path, or undefined when it could not be fetched: the caller goes on with the next way
 */
export async function downloadBySdk(ctx, kind) {
  const folder = join(ctx.cache, 'sdk-downloads');
  const found = () => {
    const name = existsSync(folder)
      ? readdirSync(folder).find((file) => FILES[kind].test(file))
      : undefined;
    return name && !name.includes('downloading') ? join(folder, name) : undefined;
  };
  if (found()) return found();
  await ctx.modulesReady; // `npm ci` may still be at work
  if (!existsSync(join(root, 'node_modules', '@temporalio', 'testing'))) return undefined;
  mkdirSync(folder, { recursive: true });
  await ctx.progress.step(`asking the Temporal SDK to download its ${kind}`, 'at most 20 s', () =>
    attempt(ctx, kind, folder),
  );
  return found();
}

function attempt(ctx, kind, folder) {
  const create = kind === 'dev-server' ? 'createLocal' : 'createTimeSkipping';
  const script = `
    import { TestWorkflowEnvironment } from '@temporalio/testing';
    const server = { executable: { type: 'cached-download', downloadDir: ${JSON.stringify(folder)} } };
    const environment = await TestWorkflowEnvironment.${create}({ server });
    await environment.teardown();
  `;
  return new Promise((resolve) => {
    const child = spawn(process.execPath, ['--input-type=module', '-e', script], {
      cwd: root,
      env: ctx.env,
      stdio: 'ignore',
      signal: ctx.signal,
      timeout: LIMIT_MS,
      killSignal: 'SIGKILL',
    });
    child.once('error', () => resolve());
    child.once('close', () => resolve());
  });
}
