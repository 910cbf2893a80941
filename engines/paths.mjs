// Where things are: the project, the cache of fetched programs, the data of an instance, programs on the PATH.
import { accessSync, constants, statSync } from 'node:fs';
import { homedir } from 'node:os';
import { delimiter, dirname, join, resolve } from 'node:path';
import { fileURLToPath } from 'node:url';

export const root = dirname(dirname(fileURLToPath(import.meta.url)));

/** Programs that were fetched or built: one folder per name and version, shared by all instances. */
export function cacheFolder(env) {
  if (env.DESPACHANTE_CACHE) return resolve(env.DESPACHANTE_CACHE);
  return join(env.XDG_CACHE_HOME || join(homedir(), '.cache'), 'despachante');
}

/** Data, logs and state of one instance. Deleting it forgets everything the local servers hold. */
export function dataFolder(env, instance) {
  if (!/^[a-z][a-z0-9-]{0,30}$/.test(instance))
    throw new Error(
      `"${instance}" cannot name an instance: use lower-case letters, digits and dashes, e.g. "default"`,
    );
  const base = env.DESPACHANTE_DATA
    ? resolve(env.DESPACHANTE_DATA)
    : join(env.XDG_DATA_HOME || join(homedir(), '.local', 'share'), 'despachante');
  return join(base, instance);
}

/** The first executable file of that name on the PATH, or undefined. */
export function findProgram(name, env) {
  for (const folder of (env.PATH ?? '').split(delimiter)) {
    if (folder === '') continue;
    const candidate = join(folder, name);
    try {
      accessSync(candidate, constants.X_OK);
      if (statSync(candidate).isFile()) return candidate;
    } catch {
      // not in this folder
    }
  }
  return undefined;
}

/** A copy of the environment without the variables that would reach into a server we start. */
export function environmentWithout(env, ...prefixes) {
  return Object.fromEntries(
    Object.entries(env).filter(([name]) => !prefixes.some((prefix) => name.startsWith(prefix))),
  );
}
