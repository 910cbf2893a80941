// Where things are: the project, the cache of fetched programs, the data of an instance, programs on the PATH.
import { accessSync, constants, lstatSync, mkdirSync, statSync } from 'node:fs';
import { homedir, tmpdir } from 'node:os';
import { delimiter, dirname, join, resolve } from 'node:path';
import { fileURLToPath } from 'node:url';

export const root = dirname(dirname(fileURLToPath(import.meta.url)));

/**
 * The home folder; a private one among temporary files for a user without one, such as a number that a container was given:
 * Node throws there, and containers say "/".
 */
function home(env) {
  const named = env.HOME || knownHome();
  if (named && named !== '/') return named;
  const uid = process.getuid?.();
  const folder = join(tmpdir(), `despachante-${uid}`);
  mkdirSync(folder, { recursive: true, mode: 0o700 });
  const { uid: owner, mode } = lstatSync(folder);
  // What lies there is run.
  if (owner !== uid || (mode & 0o022) !== 0)
    throw new Error(`${folder} can be changed by others: set HOME to a folder of your own`);
  return folder;
}

function knownHome() {
  try {
    return homedir();
  } catch {
    return undefined;
  }
}

/** Programs that were fetched or built: one folder per name and version, shared by all instances. */
export function cacheFolder(env) {
  if (env.DESPACHANTE_CACHE) return resolve(env.DESPACHANTE_CACHE);
  return join(env.XDG_CACHE_HOME || join(home(env), '.cache'), 'despachante');
}

/** Data, logs and state of one instance. Deleting it forgets everything the local servers hold. */
export function dataFolder(env, instance) {
  if (!/^[a-z][a-z0-9-]{0,30}$/.test(instance))
    throw new Error(
      `"${instance}" cannot name an instance: use lower-case letters, digits and dashes, e.g. "default"`,
    );
  const base = env.DESPACHANTE_DATA
    ? resolve(env.DESPACHANTE_DATA)
    : join(env.XDG_DATA_HOME || join(home(env), '.local', 'share'), 'despachante');
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

const PASSED = new Set(
  [
    'PATH HOME USER LOGNAME SHELL LANG TZ TMPDIR TMP TEMP XDG_CACHE_HOME XDG_CONFIG_HOME XDG_DATA_HOME',
    'HTTP_PROXY HTTPS_PROXY NO_PROXY ALL_PROXY SSL_CERT_FILE SSL_CERT_DIR CURL_CA_BUNDLE REQUESTS_CA_BUNDLE',
    'NODE_EXTRA_CA_CERTS JAVA_HOME MAVEN_OPTS MAVEN_ARGS M2_HOME RUSTUP_HOME CC CXX AR LD CFLAGS CXXFLAGS LDFLAGS',
    'NODE_OPTIONS LD_LIBRARY_PATH APT_CONFIG JAVA_TOOL_OPTIONS',
    'CMAKE PKG_CONFIG_PATH LIBCLANG_PATH PYENV_ROOT PYENV_VERSION DEBIAN_FRONTEND',
  ]
    .join(' ')
    .split(' '),
);
/** How registries are reached and what tools are set to. */
const PASSED_FAMILIES =
  /^(npm_config_|PIP_|CGO_|CARGO_|LC_|GO($|PATH|ROOT|PROXY|SUMDB|PRIVATE|NO|FLAGS|TOOLCHAIN|CACHE|MODCACHE|TMPDIR|ENV$|AUTH$|INSECURE|VCS|MAXPROCS))/i;

/**
 * The environment of what fetches or builds a program: registries, proxies and compilers as this machine has them, and none of
 * our addresses, keys and tokens. Code of others runs there.
 */
export function buildEnvironment(env) {
  return Object.fromEntries(
    Object.entries(env).filter(
      ([name]) => PASSED.has(name) || PASSED.has(name.toUpperCase()) || PASSED_FAMILIES.test(name),
    ),
  );
}
