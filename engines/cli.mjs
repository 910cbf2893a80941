#!/usr/bin/env node
// `npm run engines`, and `despachante-engines` where the package is installed: the servers alone, for those who want to run the rest by hand.
import { parseArgs } from 'node:util';
import { choices } from './brokers.mjs';
import {
  describeEngines,
  everything,
  ownership,
  servers,
  startEngines,
  stopEngines,
} from './engines.mjs';
import { cacheFolder, dataFolder } from './paths.mjs';
import { masked } from './mask.mjs';
import { createProgress } from './progress.mjs';

const help = `Local servers for Despachante: RabbitMQ, Temporal (with its Web UI) and a MongoDB-compatible store; where asked for, Kafka and Redis.

Usage: node engines/cli.mjs <command> [options]        (or: npm run -s engines -- <command> [options])

Commands
  start    start what is not running yet, and leave it running
  stop     end everything this instance started
  status   how each server was found, its address, process, version and data; exit code 3 when one is down
  env      print the addresses for a shell, with their passwords:   eval "$(node engines/cli.mjs env)"

Options
  --instance NAME       servers with ports and data of their own (default: "default", the one npm start uses;
                        npm test uses "test", npm run bench "bench")
  --only LIST           of: rabbitmq, temporal, mongodb, timeskipping (the test server for workflows), toxiproxy
                        (for the fault suite), kafka, redis, chromium (for the tests of the page); the last five are not
                        started by default
  --store wheel|binary  the store as a Python wheel (quick to fetch), or as a Rust binary (fast; built once, 7 min).
                        Default: $DESPACHANTE_STORE, else the binary where it is built already, else the
                        wheel. A mongod on the PATH wins.
  --rabbitmq any|4      any: the one on the PATH, else the one that apt offers; 4: RabbitMQ 4.0.5 with its Erlang from
                        Debian 13 by apt, beside an older Debian. Default: $DESPACHANTE_RABBITMQ, else any
  --fresh               with start: what does not run yet begins without the data of before, which is deleted
  --json                one JSON object on stdout
  -h, --help

Each server is the first of these that works:
  1. the address in AMQP_URL, TEMPORAL_ADDRESS, MONGODB_URI, KAFKA_BOOTSTRAP_SERVERS, REDIS_URL: used as it is, never started or stopped
  2. Docker, when an engine runs: docker compose up (not for Kafka and Redis)
  3. rabbitmq-server, temporal, mongod, redis-server on the PATH: private ports and folders, your own servers are not touched
  4. fetched or built once (apt-get, Go, Maven, Python or Rust, whichever it needs)

Folders
  programs  $DESPACHANTE_CACHE, else \${XDG_CACHE_HOME:-~/.cache}/despachante
  data      $DESPACHANTE_DATA/<instance>, else \${XDG_DATA_HOME:-~/.local/share}/despachante/<instance>

Exit codes: 0 well, 1 failed, 2 wrong usage, 3 something is down, 130 interrupted
`;

const options = {
  instance: { type: 'string', default: 'default' },
  only: { type: 'string' },
  store: { type: 'string', default: process.env.DESPACHANTE_STORE || 'wheel' },
  rabbitmq: { type: 'string', default: process.env.DESPACHANTE_RABBITMQ || 'any' },
  fresh: { type: 'boolean', default: false },
  json: { type: 'boolean', default: false },
  help: { type: 'boolean', short: 'h', default: false },
};

const commands = { start, stop, status, env };

async function main() {
  let parsed;
  try {
    parsed = parseArgs({ options, allowPositionals: true });
  } catch (error) {
    return usage(error.message);
  }
  const { values, positionals } = parsed;
  if (values.help) {
    process.stdout.write(help);
    return 0;
  }
  const [command, ...rest] = positionals;
  if (command === undefined || !Object.hasOwn(commands, command) || rest.length > 0)
    return usage(
      command === undefined ? 'a command is missing' : `unknown command "${positionals.join(' ')}"`,
    );
  const known = everything;
  const names = values.only?.split(',').map((name) => name.trim()) ?? servers;
  const wrong = names.find((name) => !known.includes(name));
  if (wrong !== undefined) return usage(`--only ${wrong}: expected some of ${known.join(', ')}`);
  if (!['wheel', 'binary'].includes(values.store))
    return usage(`--store ${values.store}: expected wheel or binary`);
  if (!choices.includes(values.rabbitmq))
    return usage(`--rabbitmq ${values.rabbitmq}: expected ${choices.join(' or ')}`);

  if (values.fresh && command !== 'start') return usage(`--fresh is for start, not for ${command}`);

  const interrupt = new AbortController();
  for (const name of ['SIGINT', 'SIGTERM']) process.once(name, () => interrupt.abort());
  const ctx = {
    instance: values.instance,
    store: values.store,
    rabbitmq: values.rabbitmq,
    env: process.env,
    cache: cacheFolder(process.env),
    data: dataFolder(process.env, values.instance),
    progress: createProgress(),
    modulesReady: Promise.resolve(),
    signal: interrupt.signal,
  };
  try {
    return await commands[command](ctx, names, values);
  } catch (error) {
    if (interrupt.signal.aborted) {
      process.stderr.write('interrupted\n');
      return 130;
    }
    throw error;
  }
}

async function start(ctx, names, { fresh, json }) {
  await startEngines(ctx, names, { fresh });
  return status(ctx, names, { json });
}

async function stop(ctx, names, { json, only }) {
  const ended = await stopEngines(ctx, only ? names : everything);
  if (json) print({ stopped: ended });
  else ctx.progress.say(ended.length > 0 ? `stopped: ${ended.join(', ')}` : 'nothing was running');
  return 0;
}

async function status(ctx, names, { json }) {
  const engines = await describeEngines(ctx, names);
  if (json) print({ instance: ctx.instance, engines: engines.map(withoutSecrets) });
  else
    process.stdout.write(
      table([
        ['engine', 'state', 'found', 'version', 'address', 'pid', 'data'],
        ...engines.map((engine) => [
          engine.name,
          engine.up ? 'up' : 'down',
          engine.how ?? '',
          engine.version ?? '',
          engine.address ? masked(engine.address) : '',
          String(engine.pid ?? ''),
          engine.data ?? '',
        ]),
      ]),
    );
  return engines.every(({ up }) => up) ? 0 : 3;
}

async function env(ctx, names, { json, only }) {
  const engines = await describeEngines(ctx, only ? names : everything);
  const addresses = Object.assign({}, ...engines.map((engine) => engine.addresses ?? {}));
  const isOurs = engines.some(({ how }) => how !== undefined && how !== 'given');
  if (isOurs) Object.assign(addresses, ownership(ctx));
  const down = engines
    .filter(({ name, up, how }) => !up && how !== 'given' && names.includes(name))
    .map(({ name }) => name);
  if (down.length > 0) {
    ctx.progress.say(
      `not running: ${down.join(', ')}. Start them: node engines/cli.mjs start --instance ${ctx.instance}`,
    );
    return 3;
  }
  if (json) print(addresses);
  else
    for (const [name, value] of Object.entries(addresses))
      process.stdout.write(`export ${name}='${value.replaceAll("'", "'\\''")}'\n`);
  return 0;
}

function usage(fault) {
  process.stderr.write(`${fault}\nTry: node engines/cli.mjs --help\n`);
  return 2;
}

const print = (value) => process.stdout.write(`${JSON.stringify(value, null, 2)}\n`);

/** An engine as everybody may see it; `env` has the addresses whole. */
const withoutSecrets = ({ address, addresses, ...facts }) => ({
  ...facts,
  address: address && masked(address),
  addresses:
    addresses &&
    Object.fromEntries(Object.entries(addresses).map(([name, value]) => [name, masked(value)])),
});

function table(rows) {
  const widths = rows[0].map((_, column) => Math.max(...rows.map((row) => row[column].length)));
  return rows
    .map(
      (row) =>
        `${row
          .map((cell, i) => cell.padEnd(widths[i]))
          .join('  ')
          .trimEnd()}\n`,
    )
    .join('');
}

process.exitCode = await main().catch((error) => {
  process.stderr.write(`${error.message}\n`);
  return 1;
});
