// Loads the configuration: defaults, then despachante.yaml, then the environment. The only reader of the environment.
import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { exposedKeys, missingKeys } from './encryption.ts';
import { ENVIRONMENT_ONLY, readEnvironment, variable } from './environment.ts';
import { sourceOf } from './env-file.ts';
import { ConfigError, lineOf, type Fault } from './faults.ts';
import { noConfigFile, readConfigFile, type ConfigFile } from './file.ts';
import { faultsOf } from './issues.ts';
import { complete, configSchema, DEFAULTS, type Config, type Settings } from './schema.ts';
import { CONSTANTS, readConstants, TEST_CONSTANTS, type Constants } from './constants.ts';
import { isProxyUrl } from './addresses.ts';
import { withoutOurs } from './others.ts';
import { isOfPreset, withPreset } from './presets.ts';
import { proxyFor } from './proxy.ts';
import { missingVariables } from './sent.ts';
import { insecureWays, unusedCertificates } from './tls.ts';
import {
  leaves,
  valueAt,
  withoutEmptySections,
  withValue,
  type Leaf,
  type Environment,
} from './tree.ts';

export interface LoadedConfig {
  readonly config: Config;
  /** By path: `default`, `preset location-202`, `despachante.yaml:4`, `environment AMQP_URL` or `.env AMQP_URL`. */
  readonly origins: Readonly<Record<string, string>>;
  /** What is no fault but looks like a mistake, such as a file of keys that everybody can read. */
  readonly warnings: readonly string[];
  /** The folder of the servers that `npm start` or `npm run engines` brought up for us; null where these are others'. */
  readonly instance: string | null;
  /** The environment without what is ours, for handlers of tasks. */
  readonly forOthers: Environment;
}

export interface ConfigSource {
  readonly env?: Environment | undefined;
  /** Variables over those. */
  readonly more?: Environment;
  /** The file to read; otherwise the one that DESPACHANTE_CONFIG names, otherwise `despachante.yaml` if there is one. */
  readonly file?: string | undefined;
}

const STANDARD_FILE = 'despachante.yaml';

/** Reads and checks everything. @throws ConfigError with all faults at once; never anything else */
export function loadConfig({ file, more, ...source }: ConfigSource = {}): LoadedConfig {
  const env = { ...(source.env ?? process.env), ...more };
  const written = openFile(file ?? env['DESPACHANTE_CONFIG']);
  const { values, faults, warnings } = readEnvironment(env);
  const { instance, odd } = instanceIn(env);
  const test = testConstants(env);
  const input = combine(withKeyFile(written.values, instance), values);
  const result = configSchema.safeParse(input);
  const place = (path: string): string =>
    values.has(path)
      ? sourceOf(variable(path))
      : (written.place(path.split('.'), 'value') ?? 'defaults');
  const all = [
    ...written.faults,
    ...misplaced(written),
    ...faults,
    ...odd,
    ...test.faults,
    ...faultsOf(result.error?.issues ?? [], { input, file: written, environment: values }),
    ...(result.success ? unsafe(result.data, env, place) : []),
  ];
  if (!result.success || all.length > 0) throw new ConfigError(all);
  const { preset } = result.data.legacy;
  const unwritten = (path: string) => (isOfPreset(path, preset) ? `preset ${preset}` : 'default');
  const origins = leaves(result.data).map(([path]): [string, string] => [
    path,
    values.has(path)
      ? sourceOf(variable(path))
      : (written.place(path.split('.'), 'key')?.replace(/:\d+$/, '') ?? unwritten(path)),
  ]);
  const loud = isProduction(env) ? [] : risks(result.data, env, place).map(lineOf);
  return {
    config: complete(withProxy(result.data, env), test.constants, env),
    origins: Object.fromEntries(origins),
    warnings: [...loud, ...warnings],
    instance,
    forOthers: withoutOurs(env, result.data.legacy),
  };
}

/** In quotes they are told like any other variable. */
function testConstants(env: Environment): { constants: Constants; faults: Fault[] } {
  const text = env[TEST_CONSTANTS] ?? '';
  const { data } = readConstants(/^(["']).*\1$/s.test(text) ? '' : text);
  if (data !== undefined && (text === '' || !isProduction(env)))
    return { constants: data, faults: [] };
  const got = data === undefined ? 'other text' : 'NODE_ENV=production';
  const expected = 'names and values of constants, in tests alone';
  const fault = { where: `environment ${TEST_CONSTANTS}`, path: '', expected, got };
  return { constants: CONSTANTS, faults: [fault] };
}

/** What works and is no way to run in production: elsewhere it is a warning. */
const risks = (config: Settings, env: Environment, place: (path: string) => string): Fault[] => [
  ...insecureWays(config, env),
  ...exposedKeys(config, place),
];
/** A path that is none would be told as a fault of what lies below it. */
function instanceIn(env: Environment): { instance: string | null; odd: Fault[] } {
  const path = env['DESPACHANTE_INSTANCE'] ?? '';
  if (path === '') return { instance: null, odd: [] };
  if (/^[^\p{Cc}]{1,900}$/u.test(path) && path.trim() !== '') return { instance: path, odd: [] };
  const where = 'environment DESPACHANTE_INSTANCE';
  const expected = 'the folder that "npm run -s engines -- env" prints';
  return { instance: null, odd: [{ where, path: '', expected, got: 'text that is no path' }] };
}

/** By default the key lies with the data that are encrypted by it. */
function withKeyFile(written: unknown, instance: string | null): unknown {
  const path = ['encryption', 'keyFile'];
  if (instance === null || valueAt(written, path) !== undefined) return written;
  return withValue(written, path, join(instance, 'encryption.key'));
}

/** Where nobody says which, the one that everybody on this machine uses. */
function withProxy(config: Settings, env: Environment): Settings {
  const { legacyProxy, legacyUrl } = config;
  if (legacyProxy !== null)
    return { ...config, legacyProxy: legacyProxy === 'none' ? null : legacyProxy };
  return { ...config, legacyProxy: proxyFor(legacyUrl, env)?.url ?? null };
}

function unusableProxy({ legacyProxy, legacyUrl }: Settings, env: Environment): Fault[] {
  const proxy = legacyProxy === null ? proxyFor(legacyUrl, env) : null;
  if (proxy === null || isProxyUrl(proxy.url)) return [];
  const fault = { where: `environment ${proxy.variable}`, path: '', got: 'another text' };
  return [
    {
      ...fault,
      expected:
        'the address of an HTTP proxy such as http://proxy:3128; LEGACY_PROXY=none does without for the legacy system',
    },
  ];
}

/** What contradicts itself across sections, and what is no way to run in production. */
function unsafe(config: Settings, env: Environment, place: (path: string) => string): Fault[] {
  return [
    ...missingKeys(config, isProduction(env), place),
    ...unusedCertificates(config, place),
    ...missingVariables(config.legacy, env, place),
    ...unusableProxy(config, env),
    ...(isProduction(env) ? risks(config, env, place) : []),
  ];
}

const isProduction = (env: Environment): boolean => env['NODE_ENV'] === 'production';

function openFile(named: string | undefined): ConfigFile {
  if (named !== undefined && named !== '') return readConfigFile(named);
  return existsSync(STANDARD_FILE) ? readConfigFile(STANDARD_FILE) : noConfigFile;
}

function misplaced(file: ConfigFile): Fault[] {
  return Object.entries(ENVIRONMENT_ONLY).flatMap(([name, path]) => {
    const where = file.place(path.split('.'), 'key');
    const expected = `it in the environment variable ${name} instead: it stays out of files`;
    return where === null ? [] : [{ where, path, expected, got: 'a value in the file' }];
  });
}

/** The input of the schema: the file, without what is not the file's to say, and the environment over it. */
function combine(written: unknown, environment: ReadonlyMap<string, unknown>): unknown {
  const notTheFiles = Object.values(ENVIRONMENT_ONLY).map((path): Leaf => [path, undefined]);
  const input = [...notTheFiles, ...environment].reduce<unknown>(
    (tree, [path, value]) => withValue(tree, path.split('.'), value),
    withoutEmptySections(written, DEFAULTS),
  );
  const section = valueAt(input, ['legacy']);
  return withValue(input, ['legacy'], withPreset(section, valueAt(section, ['preset'])));
}
