// `node engines/with-node.mjs FILE [arguments]` is `node FILE [arguments]` with a Node that is new enough: this one, or else one
// that is fetched once. It is the first on the PATH of all that is started from there, so that npm and the compiler use it, too.
// Every script of package.json begins so. This file, and what it imports, must be read by Node 18.
import { spawn } from 'node:child_process';
import { constants } from 'node:os';
import { delimiter, dirname, resolve } from 'node:path';
import { pathToFileURL } from 'node:url';
import { fetchNode, isNewEnough, oldest } from './node.mjs';
import { cacheFolder } from './paths.mjs';
import { hasTerminal } from './processes.mjs';
import { createProgress } from './progress.mjs';

async function main([file, ...args]) {
  if (file === undefined) {
    process.stderr.write('Usage: node engines/with-node.mjs FILE [arguments]\n');
    process.exitCode = 2;
    return;
  }
  const isFile = !file.startsWith('-'); // else an option of Node itself
  if (isNewEnough() && isFile) {
    const path = resolve(file);
    process.argv.splice(1, 2, path);
    await import(pathToFileURL(path).href);
  } else process.exitCode = await runAgain([file, ...args]);
}

/** Returns the exit code of a process of its own. */
async function runAgain(args) {
  const interrupt = new AbortController();
  let child;
  let interruptedBy;
  const isInTerminal = hasTerminal();
  for (const name of ['SIGINT', 'SIGHUP', 'SIGTERM', 'SIGQUIT', 'SIGUSR2'])
    process.on(name, () => {
      interruptedBy = name;
      if (child === undefined) interrupt.abort();
      // A terminal tells the child itself.
      else if (!isInTerminal || !['SIGINT', 'SIGHUP', 'SIGQUIT'].includes(name)) child.kill(name);
    });
  try {
    const node = isNewEnough() ? process.execPath : await newerNode(interrupt.signal);
    const PATH = [dirname(node), process.env.PATH].join(delimiter);
    child = spawn(node, args, { env: { ...process.env, PATH }, stdio: 'inherit' });
    return await new Promise((resolve, reject) => {
      child.once('error', reject);
      child.once('close', (code, signal) => resolve(code ?? 128 + constants.signals[signal]));
    });
  } catch (error) {
    if (interruptedBy !== undefined) return 128 + constants.signals[interruptedBy];
    process.stderr.write(`${error.message}\n`);
    return 1;
  }
}

async function newerNode(signal) {
  const { env, versions } = process;
  const node = await fetchNode({
    env,
    cache: cacheFolder(env),
    progress: createProgress(),
    signal,
  });
  process.stderr.write(
    `Node ${versions.node} is older than ${oldest}: this runs with ${node} instead\n`,
  );
  return node;
}

await main(process.argv.slice(2));
