// The environment variables that set something, and what each sets.
import { didYouMean, sameName } from '../domain/nearest-name.ts';
import { withHint, type Fault } from './faults.ts';
import { TEST_CONSTANTS } from './constants.ts';
import { REMOVED, replacementOf } from './removed.ts';
import { STANDARD } from './schema.ts';
import { OPS_VARIABLES } from './ops.ts';
import { KAFKA_VARIABLES } from './kafka.ts';
import { TASK_VARIABLES } from './tasks.ts';
import { LIMITS } from '../domain/limits.ts';
import { leaves, type Leaf, type Environment } from './tree.ts';

/** Addresses and secrets, and what the tests alone set: here and nowhere else, so that no file holds them. */
export const ENVIRONMENT_ONLY: Readonly<Record<string, string>> = {
  AMQP_URL: 'amqpUrl',
  MONGODB_URI: 'mongodbUri',
  TEMPORAL_ADDRESS: 'temporalAddress',
  TEMPORAL_API_KEY: 'temporalApiKey',
  LEGACY_URL: 'legacyUrl',
  LEGACY_AUTHORIZATION: 'legacyAuthorization',
  LEGACY_PROXY: 'legacyProxy',
  KAFKA_BOOTSTRAP_SERVERS: 'kafkaBootstrapServers',
  KAFKA_USERNAME: 'kafkaUsername',
  KAFKA_PASSWORD: 'kafkaPassword',
  REDIS_URL: 'redisUrl',
  REGISTRATION_ID_KEY: 'registrationIdKey',
  ENCRYPTION_KEYS: 'encryptionKeys',
  CODEC_TOKEN: 'codecToken',
  PAGE_TOKEN: 'pageToken',
  PAGE_VIEW_TOKEN: 'pageViewToken',
  TEMPORAL_WEB_URL: 'temporal.webUrl',
  TEMPORAL_CODEC_URL: 'temporal.codecUrl',
  RABBITMQ_WEB_URL: 'rabbit.webUrl',
  DESPACHANTE_FAILPOINT: 'failpoint',
};

/** Those of them that are never shown, not even in part. */
export const SECRETS: ReadonlySet<string> = new Set([
  'temporalApiKey',
  'kafkaPassword',
  'legacyAuthorization',
  'registrationIdKey',
  'encryptionKeys',
  'codecToken',
  'pageToken',
  'pageViewToken',
]);

const PREFIX = 'DESPACHANTE_';

/** The file to read, and what belongs to `npm run engines` and to the tests; they set nothing of the configuration. */
const OTHER = [
  ...['CONFIG', 'CACHE', 'DATA', 'STORE', 'RABBITMQ', 'INSTANCE'].map((name) => PREFIX + name),
  TEST_CONSTANTS,
];

const onlyHere = new Set(Object.values(ENVIRONMENT_ONLY));
const scalars = leaves(STANDARD).filter(
  ([path, value]) => !onlyHere.has(path) && (typeof value !== 'object' || value === null),
);
const settings: ReadonlyMap<string, Leaf> = new Map([
  ...Object.entries(ENVIRONMENT_ONLY).map(([name, path]): [string, Leaf] => [name, [path, null]]),
  ...scalars.map((leaf): [string, Leaf] => [variable(leaf[0]), leaf]),
]);

/** Numbers and flags that are none by default. */
const numbers: ReadonlySet<string> = new Set([
  ...LIMITS.map((limit) => `legacy.${limit}`),
  ...['defaultRetry', 'defaultRetryDelay', 'defaultTimeout', 'workerConcurrency'].map(
    (each) => `tasks.${each}`,
  ),
]);

export const environmentNames: readonly string[] = [...settings.keys(), ...OTHER];

/** The variable that sets a path: `intake.batchSize` is `DESPACHANTE_INTAKE_BATCH_SIZE`. */
export function variable(path: string): string {
  const named = { ...ENVIRONMENT_ONLY, ...TASK_VARIABLES, ...KAFKA_VARIABLES, ...OPS_VARIABLES };
  const own = Object.entries(named).find(([, each]) => each === path);
  const words = path.replace(/[A-Z]/g, (letter) => `_${letter}`).replaceAll('.', '_');
  return own?.[0] ?? PREFIX + words.toUpperCase();
}

/** The values by path. An empty variable counts as not set, since `${NAME:-}` of Compose gives one. */
export function readEnvironment(env: Environment) {
  const values = new Map<string, unknown>();
  const faults: Fault[] = [];
  const platforms: string[] = [];
  for (const [name, text] of Object.entries(env)) {
    if (text === undefined || text === '') continue;
    const setting = settings.get(name);
    const isOurs = name.startsWith(PREFIX);
    if (isOfPlatform(name, text)) platforms.push(...(isOurs ? [name] : []));
    else if (isRead(name) && QUOTED.test(text)) faults.push(quoted(name, setting?.[0] ?? ''));
    else if (setting !== undefined) values.set(setting[0], typed(text, ...setting));
    else if (isOurs && !OTHER.includes(name)) faults.push(unknown(name));
  }
  return { values, faults, warnings: linksWarning(platforms) };
}

function linksWarning([first, ...others]: readonly string[]): string[] {
  if (first === undefined) return [];
  const more = others.length === 0 ? '' : ` and ${others.length} more are`;
  return [
    `environment ${first}${more || ' is'} not read: Kubernetes sets such variables for Services (enableServiceLinks: false keeps them away), and Docker for links`,
  ];
}

// A variable is always text; where the setting is a number or yes-or-no, text that spells one is taken as such. So is a limit,
// which is none by default.
function typed(text: string, path: string, standard: unknown): unknown {
  const isNumber = typeof standard === 'number' || numbers.has(path);
  if (isNumber && /^-?\d{1,16}(\.\d+)?$/.test(text)) return Number(text);
  if (
    (typeof standard === 'boolean' || path === 'tasks.retryBackoff') &&
    /^(true|false)$/.test(text)
  )
    return text === 'true';
  return text;
}

/**
 * What Kubernetes sets for a Service and Docker for a link: for one named `despachante` there is
 * DESPACHANTE_PORT=tcp://10.96.0.12:9464. The shape tells, since a setting of ours may have such a name as well. A link brings
 * the whole environment of the other container, too: DESPACHANTE_ENV_NODE_ENV.
 */
const OF_PLATFORM: readonly (readonly [name: RegExp, text: RegExp])[] = [
  [/_PORT(_\d+_(TCP|UDP|SCTP)(_START|_END)?)?$/, /^(tcp|udp|sctp):\/\//],
  [/_PORT_\d+_(TCP|UDP|SCTP)_(PROTO|ADDR|PORT(_START|_END)?)$/, /^/],
  [/_SERVICE_HOST$/, /^/],
  [/_SERVICE_PORT(_[A-Z\d_]+)?$/, /^\d+$/],
  [/_NAME$/, /^\/[^/]+\/[^/]+$/],
  [/_ENV_./, /^/],
];

const isOfPlatform = (name: string, text: string): boolean =>
  OF_PLATFORM.some(([names, texts]) => names.test(name) && texts.test(text));

/** What somebody has written for a shell, and an env-file of Docker's passes on as it stands. */
const QUOTED = /^(["']).*\1$/s;

/** NODE_ENV says whether this is production. */
const isRead = (name: string): boolean =>
  settings.has(name) || OTHER.includes(name) || name === 'NODE_ENV';

const quoted = (name: string, path: string): Fault => ({
  where: `environment ${name}`,
  path,
  expected: 'a value without quotes around it',
  got: 'text in quotes',
  hint: 'remove the quotes: an env-file of Docker has none, and they would be a part of the value',
});

function unknown(name: string): Fault {
  const removed = Object.keys(REMOVED).find((path) => variable(path) === name);
  const bare = name.slice(PREFIX.length);
  const fault = {
    where: `environment ${name}`,
    path: '',
    expected: 'the name of a setting (lists and mappings can only be set in the file)',
    got: 'a name that is none',
  };
  const meant = settings.has(bare) ? bare : sameName(name, environmentNames);
  return withHint(fault, removed === undefined ? didYouMean(meant) : replacementOf(removed));
}
