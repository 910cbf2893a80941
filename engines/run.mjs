// `npm start`, `npm run etl`, `npm test`, `npm run test:other-broker`, `npm run coverage`, `npm run test:faults`, `npm run bench` and `npm run bench:tasks`: dependencies, build
// and servers as far as they are missing, then the program itself, with the servers' addresses in its environment. What this run started
// ends with it.
import { spawn } from 'node:child_process';
import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { reasonAgainstOther } from './brokers.mjs';
import { describeEngines, servers, startEngines, startOptional, stopEngines } from './engines.mjs';
import { isNewEnough, oldest } from './node.mjs';
import { cacheFolder, dataFolder, root } from './paths.mjs';
import { hasTerminal } from './processes.mjs';
import { createProgress, duration } from './progress.mjs';
import { serveSample } from './sample.mjs';
import { build, installDependencies } from './setup.mjs';
import { runCoverage, runOtherBrokerTests, runTests } from './tests.mjs';

const node = ['--enable-source-maps'];
/** As src/runtime/child.ts has it for processes that stay. */
const lean = ['--max-semi-space-size=8'];
const help = ['--help', '-h'];
const suite = {
  instance: 'test',
  store: 'wheel',
  rabbitmq: 'newest',
  engines: [...servers, 'timeskipping'],
  optional: ['kafka', 'redis', 'chromium'],
  fresh: true,
  tests: true,
  tells: [],
};
const benchOn = (instance, engines) => ({
  ...{ instance, engines, store: 'binary', fresh: true, own: true, tells: help },
});
/**
 * `tells`: arguments with which the program only tells something, and needs no servers. `own`: it breaks or floods servers, and so
 * gets its own ones, whatever address is given. `tests`: it ends with phases and a sum. `optional`: engines without which some of
 * its tests are skipped.
 */
const plans = {
  start: {
    instance: 'default',
    store: 'wheel',
    engines: servers,
    asks: { '--with-workers': ['kafka'] },
    fresh: false,
    tells: help,
  },
  etl: {
    instance: 'default',
    store: 'wheel',
    engines: ['temporal', 'mongodb'],
    asks: { '--to': ['rabbitmq'] },
    fresh: false,
    tells: help,
  },
  test: suite,
  coverage: suite,
  // What differs between versions of the broker, on the one that `npm test` does not run on.
  'other-broker': { ...suite, instance: 'other-broker', rabbitmq: undefined, optional: [] },
  // The store as a binary where it is built already, as for everybody who does not say otherwise.
  faults: {
    instance: 'faults',
    store: 'wheel',
    engines: [...servers, 'toxiproxy'],
    optional: ['kafka'],
    fresh: true,
    own: true,
    tells: [...help, '--list', '--count'],
  },
  bench: benchOn('bench', servers),
  'bench-tasks': benchOn('bench-tasks', [...servers, 'kafka', 'redis']),
  'bench-etl': benchOn('bench-etl', ['temporal', 'mongodb']),
  'bench-files': benchOn('bench-files', ['temporal', 'mongodb']),
  'bench-page': benchOn('bench-page', [...servers, 'chromium']),
  'bench-webhook': benchOn('bench-webhook', servers),
};

async function main([command, ...args]) {
  const plan = Object.hasOwn(plans, command ?? '') ? plans[command] : undefined;
  if (plan === undefined)
    throw new Error(
      `Usage: node engines/run.mjs ${Object.keys(plans).join('|')} [arguments of the program]`,
    );
  if (!isNewEnough())
    throw new Error(`Node ${oldest} or newer is needed. Start this by npm, which fetches one.`);
  // The tests and the bench must never meet the servers of a developer's .env.
  if (!plan.tests && !plan.own && existsSync('.env')) process.loadEnvFile('.env');
  const interrupt = new AbortController();
  const run = { children: new Set(), interrupted: false };
  listenToSignals(run, interrupt);
  const ctx = {
    instance: plan.instance,
    store: process.env.DESPACHANTE_STORE || plan.store,
    rabbitmq: process.env.DESPACHANTE_RABBITMQ || plan.rabbitmq,
    env: plan.own ? withoutGiven(process.env) : process.env,
    cache: cacheFolder(process.env),
    data: dataFolder(process.env, plan.instance),
    progress: createProgress(),
    signal: interrupt.signal,
  };
  const phases = [];
  const timed = async (phase, work) => {
    const begun = Date.now();
    try {
      return await work();
    } finally {
      phases.push(`${phase} ${duration(Date.now() - begun)}`);
    }
  };
  const reason = command === 'other-broker' ? await reasonAgainstOther(ctx) : undefined;
  if (reason !== undefined) {
    process.stdout.write(`No second broker to test on: ${reason}.\n0 passed, 0 failed\n`);
    return 0;
  }
  const onlyTells = args.some((arg) => plan.tells.includes(arg));

  let code = 1;
  let result;
  try {
    // Independent things at the same time: fetching a server does not wait for the compiler.
    const installed = timed('dependencies', () => installDependencies(ctx));
    ctx.modulesReady = installed.catch(() => undefined);
    const built = installed.then(() => timed('build', () => build(ctx)));
    const started = onlyTells
      ? Promise.resolve({})
      : timed('servers', () => startServers(ctx, withAsked(plan, args)));
    const [, addresses] = await allOrAbort([built, started], interrupt);
    interrupt.signal.throwIfAborted();
    if (plan.tests) await tellBroker(ctx);
    const env = { ...process.env, ...addresses }; // what the user gave is among the addresses
    result = await timed(plan.tests ? 'tests' : 'program', () =>
      programs[command](ctx, run, args, env),
    );
    code = result.code;
  } catch (error) {
    if (!run.interrupted) process.stderr.write(`${error.message}\n`);
    else code = 130;
  } finally {
    if (!onlyTells) {
      const stopping = { ...ctx, signal: new AbortController().signal };
      await timed('stopping', () =>
        ctx.progress.step('stopping the servers of this run', '', () =>
          stopEngines(stopping, enginesOf(withAsked(plan, args)), { transientOnly: true }),
        ),
      );
    }
  }
  if (plan.tests)
    process.stdout.write(`\n${phases.join(' · ')}\n${result?.summary ?? '0 passed, 0 failed'}\n`);
  return code;
}

/** `asks`: arguments that need a further engine. */
const withAsked = (plan, args) => ({
  ...plan,
  engines: [...plan.engines, ...args.flatMap((arg) => plan.asks?.[arg] ?? [])],
});

const enginesOf = ({ engines, optional = [] }) => [...engines, ...optional];

async function startServers(ctx, { engines, optional = [], fresh }) {
  const options = { transient: true, fresh };
  const addresses = await startEngines(ctx, engines, options);
  return { ...addresses, ...(await startOptional(ctx, optional, ctx.progress.say, options)) };
}

const given = [
  ...['AMQP_URL', 'RABBITMQ_WEB_URL', 'MONGODB_URI', 'TEMPORAL_ADDRESS', 'TEMPORAL_WEB_URL'],
  ...['TEMPORAL_API_KEY', 'LEGACY_URL', 'LEGACY_AUTHORIZATION'],
  ...['KAFKA_BOOTSTRAP_SERVERS', 'KAFKA_USERNAME', 'KAFKA_PASSWORD', 'REDIS_URL'],
];

/** What bench and fault suite do must never happen to a system that somebody else needs. */
const withoutGiven = (env) =>
  Object.fromEntries(Object.entries(env).filter(([name]) => !given.includes(name)));

const programs = {
  start: (_ctx, run, args, env) =>
    runChild(run, [...node, join('dist', 'src', 'cli.js'), 'start', ...args], env),
  etl: async (_ctx, run, args, env) => {
    const isGiven = Boolean(env.INPUT) || (args[0] !== undefined && !args[0].startsWith('--'));
    const input = isGiven ? {} : { INPUT: await serveSample() };
    const cli = join('dist', 'src', 'cli.js');
    return runChild(run, [...node, ...lean, cli, 'etl', ...args], {
      MALLOC_ARENA_MAX: '2',
      ...{ ...env, ...input },
    });
  },
  faults: (_ctx, run, args, env) =>
    runChild(run, [...node, join('dist', 'test', 'faults', 'run.js'), ...args], env),
  bench: (_ctx, run, args, env) =>
    runChild(run, [...node, join('dist', 'bench', 'run.js'), ...args], env),
  'bench-etl': (_ctx, run, args, env) =>
    runChild(run, [...node, join('dist', 'bench', 'etl.js'), ...args], env),
  'bench-files': (_ctx, run, args, env) =>
    runChild(run, [...node, join('dist', 'bench', 'files.js'), ...args], env),
  'bench-page': (_ctx, run, args, env) =>
    runChild(run, [...node, join('dist', 'bench', 'page.js'), ...args], env),
  'bench-webhook': (_ctx, run, args, env) =>
    runChild(run, [...node, join('dist', 'bench', 'webhook.js'), ...args], env),
  'bench-tasks': (_ctx, run, args, env) =>
    runChild(run, [...node, join('dist', 'bench', 'tasks', 'run.js'), ...args], env),
  test: (ctx, run, args, env) => runTests(ctx, nodeIn(run), args, env),
  coverage: (ctx, run, args, env) => runCoverage(ctx, nodeIn(run), args, env),
  'other-broker': (ctx, run, args, env) => runOtherBrokerTests(ctx, nodeIn(run), args, env),
};

async function tellBroker(ctx) {
  const [{ version, how }] = await describeEngines(ctx, ['rabbitmq']);
  ctx.progress.say(`  the tests run on RabbitMQ ${version} (${how})`);
}

/** Nothing more is begun once it was interrupted. */
const nodeIn = (run) => async (args, env, options) => {
  const ended = run.interrupted ? {} : await runChild(run, [...node, ...args], env, options);
  return run.interrupted ? { code: 130 } : ended;
};

function runChild(run, args, env, options = { stdio: 'inherit' }) {
  return new Promise((resolve, reject) => {
    const child = spawn(process.execPath, args, { cwd: root, env, ...options });
    run.children.add(child);
    child.once('error', reject);
    child.once('close', (code, signal) => {
      run.children.delete(child);
      resolve({ code: code ?? (signal === 'SIGINT' ? 130 : 143) });
    });
  });
}

/**
 * We never die before our children: they drain, then the servers are ended. A Ctrl-C in a terminal reaches them
 * by itself, as it does us; SIGTERM, and SIGINT where there is no terminal, are passed on.
 */
function listenToSignals(run, interrupt) {
  const passOn = { SIGTERM: true, SIGINT: !hasTerminal(), SIGHUP: true };
  for (const [name, pass] of Object.entries(passOn))
    process.on(name, () => {
      run.interrupted = true;
      if (run.children.size === 0) interrupt.abort();
      else if (pass)
        for (const child of run.children) child.kill(name === 'SIGHUP' ? 'SIGTERM' : name);
    });
}

/** The first failure aborts the rest, and is told only when everything has come to rest. */
async function allOrAbort(promises, interrupt) {
  let first;
  const results = await Promise.allSettled(
    promises.map((promise) =>
      promise.catch((error) => {
        first ??= error;
        interrupt.abort();
        throw error;
      }),
    ),
  );
  if (first !== undefined) throw first;
  return results.map(({ value }) => value);
}

process.exitCode = await main(process.argv.slice(2)).catch((error) => {
  process.stderr.write(`${error.message}\n`);
  return 1;
});
