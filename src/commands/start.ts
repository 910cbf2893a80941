/** Everything on one machine: the simulator, a worker and an intake, some registrations, and a report of how they fared. */
import { mkdirSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import type { Command } from 'commander';
import { startChild, type Child } from '../runtime/child.ts';
import type { Preset } from '../domain/registrations/contract.ts';
import type { Config } from '../config/schema.ts';
import { encryptionFacts } from '../temporal/keys.ts';
import { why } from '../doctor/diagnosis.ts';
import { longestDrainMs } from '../config/drain.ts';
import { createKeyFile } from '../runtime/encryption-keys.ts';
import { silent } from '../runtime/log.ts';
import { ownAddresses } from '../operations/own-servers.ts';
import { measure, progressOf } from '../operations/measure.ts';
import { outgoing } from '../broker/rabbitmq/publish-all.ts';
import { sampleRegistrations } from '../simulator/samples.ts';
import type { Store } from '../registrations/store.ts';
import { withRabbit, withStore } from '../registrations/neighbours.ts';
import { runAudit } from '../audit/run-audit.ts';
import { ledgerOf, systemAt, type SystemName } from '../audit/system-name.ts';
import { listOption, wholeNumber } from './arguments.ts';
import { presetOption } from './simulate.ts';
import { isJson, load, print, printJson, tell, untilSignal } from './context.ts';
import { CommandError, EXIT } from './exit.ts';
import { publishNoted } from './publish-noted.ts';
import { showProgress } from './progress.ts';
import { addressText, addressesOf, progressLine, reportText, type Report } from './start-report.ts';
import { listOf, samplesFor, serversOf, type Server } from './start-samples.ts';
import {
  WORKER_ARGUMENTS,
  prepareWorkers,
  sendSamples,
  workersText,
  type SampleOptions,
} from './start-workers.ts';
import { line, paint } from './table.ts';
import { examples } from './examples.ts';

interface StartOptions {
  count: number;
  confirmHost: string[];
  exit?: boolean;
  data?: string;
  preset?: Preset;
  withWorkers?: boolean;
}

export function addStart(program: Command): void {
  program
    .command('start')
    .option('--count <n>', 'sample registrations to publish', wholeNumber(0, 1_000_000), 1_000)
    .addOption(
      listOption(
        '--confirm-host <host:port>',
        'host:port (or the host alone where its port is the standard one) of a server that was not brought up here and may be given samples; once for each',
      ),
    )
    .option('--exit', 'end when they are settled, instead of running until Ctrl-C')
    .option(
      '--data <folder>',
      "ledgers and logs (default: with the servers' data where they were brought up here, else data)",
    )
    .addOption(presetOption(program))
    .option(
      '--with-workers',
      'also run two examples of task workers, one on Kafka, one on RabbitMQ',
    )
    .addHelpText(
      'after',
      `
The simulator plays the legacy system unless LEGACY_URL names one, and takes as long as legacy.expectedLatency says, at most
20 s. One in fifty registrations is refused, one in fifty fails, so that there is something to see in the failure queue.
"npm start" brings the servers as well and takes the same options.

Samples are invented: they go to servers that were brought up here, and to others only when --count is given and each host is
named, by --confirm-host or on the terminal.
${examples(
  ['5,000 samples, and end when they are settled', 'npm start -- --count 5000 --exit'],
  ['A legacy system of another kind', 'npm start -- --preset location-202'],
  ['With two task workers', 'npm start -- --with-workers'],
)}`,
    )
    .action(async (options: StartOptions, command: Command) =>
      run(await prepare(options, command)),
    );
}

/** Registrations may go to a server of somebody else, if its name was typed; the messages of examples may not. */
function requireOurs(servers: readonly Server[]): void {
  const others = servers.filter(({ isOurs }) => !isOurs);
  if (others.length === 0) return;
  throw new CommandError(
    `--with-workers sends invented messages to the topic "emails" and the queue "my_queue", and these servers were not brought up here: ${listOf(others)}. Leave their variables out, and "npm start" brings servers`,
    EXIT.usage,
  );
}

const MORE = `. More, from another terminal:
  eval "$(npm run -s engines -- env)" && ./despachante publish --count 100`;

type Run = Awaited<ReturnType<typeof prepare>>;

async function prepare(options: StartOptions, command: Command) {
  const { count, confirmHost, data, exit, preset, withWorkers = false } = options;
  const env = {
    ...(preset === undefined ? {} : { DESPACHANTE_LEGACY_PRESET: preset }),
    ...(withWorkers ? { KAFKA_ENABLED: 'true' } : {}),
  };
  const { config, origins, instance } = load(command, env);
  const stop = new AbortController();
  const stopped = untilSignal(silent).then((signal) =>
    stop.abort(new CommandError(`Stopped by ${signal}`, 130)),
  );
  const isSimulated = origins['legacyUrl'] === 'default';
  if (preset !== undefined && !isSimulated)
    throw new CommandError(
      '--preset is for the simulator, and LEGACY_URL names another system: legacy.preset in despachante.yaml says what that is like',
      EXIT.usage,
    );
  const own = ownAddresses(instance);
  const servers = serversOf(config, own, isSimulated);
  if (withWorkers) {
    const host = config.kafkaBootstrapServers;
    const variable = 'KAFKA_BOOTSTRAP_SERVERS';
    requireOurs([...servers, { variable, host, standardPort: 9092, isOurs: own.has(host) }]);
  }
  const isTyped = command.getOptionValueSource('count') === 'cli';
  return {
    config,
    samples: await samplesFor(servers, { count, isTyped, confirmed: confirmHost }),
    /** Takes ledgers and logs. */
    data: data ?? (instance === null ? 'data' : join(instance, 'start')),
    exits: exit === true,
    isSimulated,
    workers: withWorkers ? await prepareWorkers(config) : [],
    /** All servers: only then one is shown how to publish more inventions. */
    areOurs: servers.every(({ isOurs }) => isOurs),
    json: isJson(command),
    stop: stop.signal,
    stopped,
  };
}

async function run(given: Run): Promise<void> {
  const { config, samples, workers, data, exits, json, stop, stopped } = given;
  mkdirSync(data, { recursive: true });
  const children: Child[] = [];
  const say = (text: string) => (json ? undefined : tell(text));
  const { mode, keyFile } = config.encryption;
  if (mode !== 'off' && config.encryptionKeys === null && createKeyFile(keyFile)) {
    say(`A key was made for what Temporal keeps: ${keyFile}`);
  }
  try {
    // Without a broker nothing is begun.
    const system = await withRabbit(config, () => systemAt(config));
    const legacyUrl = await startProcesses(children, given, system, say);
    const addresses = addressesOf({ ...config, legacyUrl });
    const broken = anyEnds(children.filter(({ name }) => name !== 'page'));
    broken.catch(() => {});
    const report = await withStore(config, async (store) => {
      const { pause } = await store.control.read();
      if (pause !== null) {
        const sentence = `Intake is paused: ${pause.reason} (${pause.by}). End it with "despachante resume"`;
        say(paint.yellow(line(sentence)));
      }
      if (samples.notPublished !== null) return null;
      const ledgerFile = ledgerOf(data, 'published', system);
      const plan = { count: samples.count, ledgerFile, system };
      return fileSamples({ ...config, legacyUrl }, plan, store, { stop, broken });
    });
    const prefix = `demo-${Date.now().toString(36)}-`;
    const tasks = await sendSamples(config, workers, { count: 10, prefix, stop, broken });
    if (samples.notPublished !== null) say(paint.yellow(line(samples.notPublished)));
    const told = tasks.length === 0 ? {} : { workers: tasks };
    if (json) printJson({ ...(report ?? samples), ...told, addresses });
    else print(report === null ? addressText(addresses) : reportText(report, addresses));
    if (!json && tasks.length > 0) print(`\n${workersText(tasks)}`);
    if (!exits) {
      say(`\nRunning; Ctrl-C ends it${given.areOurs ? MORE : ''}`);
      await Promise.race([stopped, broken]);
    }
  } finally {
    if (!stop.aborted) say('Stopping …');
    else say('\nStopping: what was taken is brought to its end or stays in Temporal …');
    // From the front to the back: what is taken is brought to its end while the servers behind are still there.
    for (const child of children.reverse()) await child.stop();
  }
}

/** The simulator, then the worker, then the intake: nobody takes what nobody can bring on. Returns the legacy URL. */
async function startProcesses(
  children: Child[],
  { config, data, isSimulated, workers, exits }: Run,
  { system }: SystemName,
  say: (text: string) => void,
): Promise<string> {
  // And a while to close what it holds.
  const stopMs = longestDrainMs(config) + 25_000;
  const start = async (role: string, options: string[] = [], env = {}): Promise<Child> => {
    const logFile = join(data, `${role}.log`);
    const child = await startChild({ args: [role, ...options], env, logFile, stopMs });
    const { url, health = '' } = child.facts;
    const address = url ?? `http://${config.health.host}:${health}/ready`;
    say(`${paint.green('✔')} ${role.padEnd(10)} ${address}   log: ${logFile}`);
    children.push(child);
    return child;
  };
  if (config.temporal.codecUrl !== null && encryptionFacts(config).writes !== null) {
    // Without it Temporal Web shows less; nothing else needs it.
    await start('codec').catch((error: unknown) => say(`No codec server: ${why(error)}`));
  }
  let legacyUrl = config.legacyUrl;
  if (isSimulated) {
    const shares = ['--refuse', '0.02', '--fail', '0.02'];
    const ledger = ['--ledger', ledgerOf(data, 'legacy', { system }), '--system', system];
    const { min, max } = config.legacy.expectedLatency;
    // As quick as it is expected to be, and never slower than by its default: nobody waits hours for samples.
    const latency = `${Math.min(min, 10_000)}ms..${Math.min(max, 20_000)}ms`;
    const kind = ['--preset', config.legacy.preset, '--latency', latency];
    const simulate = (port: string) =>
      start('simulate', ['--port', port, '--core-port', '0', ...kind, ...shares, ...ledger]);
    // Commands in another terminal look for it where LEGACY_URL is by default.
    const { port } = new URL(config.legacyUrl);
    const simulator = await simulate(port).catch(() => {
      say(`Port ${port} is taken: commands in another terminal need the LEGACY_URL that follows`);
      return simulate('0');
    });
    legacyUrl = simulator.facts.url ?? legacyUrl;
  }
  for (const role of ['worker', 'intake']) {
    await start(role, ['--port', '0'], {
      LEGACY_URL: legacyUrl,
      DESPACHANTE_LEGACY_PRESET: config.legacy.preset,
    });
  }
  if (workers.length > 0) await start('tasks', WORKER_ARGUMENTS, { KAFKA_ENABLED: 'true' });
  if (config.ops.enabled && !exits) {
    const more = { LEGACY_URL: legacyUrl, DESPACHANTE_LEGACY_PRESET: config.legacy.preset };
    // Another one may run already. Nothing else needs it.
    await start('page', [], more)
      .catch(() => start('page', ['--port', '0'], more))
      .catch((error: unknown) => say(`No operations page: ${why(error)}`));
  }
  return legacyUrl;
}

async function anyEnds(children: Child[]): Promise<never> {
  const ended = await Promise.race(
    children.map(({ name, exited }) => exited.then((code) => ({ name, code }))),
  );
  throw new CommandError(`The ${ended.name} has ended (${ended.code ?? 'killed'}): see its log`);
}

/** Publishes the samples and follows them until each is settled. @throws what `stop` was aborted with */
async function fileSamples(
  config: Config,
  { count, ledgerFile, system }: { count: number; ledgerFile: string; system: SystemName },
  store: Store,
  { stop, broken }: Pick<SampleOptions, 'stop' | 'broken'>,
): Promise<Report> {
  const prefix = `demo-${Date.now().toString(36)}-`;
  const samples = sampleRegistrations({ count, seed: count, prefix: prefix.slice(0, -1) });
  const messages = [...samples].map(({ id, body }) => outgoing(id, body));
  const name = 'despachante start';
  const { failed, reason } = await publishNoted(config, { messages, ledgerFile, system, name });
  if (failed > 0) throw new CommandError(`${failed} samples were not confirmed: ${reason}`);

  let now = { claimed: 0, settled: 0, byOutcome: {} as Record<string, number> };
  const line = showProgress(({ seconds }) => progressLine(now, count, seconds));
  try {
    for (let told = Date.now(); now.settled < count;) {
      stop.throwIfAborted();
      await Promise.race([delay(500), broken]);
      now = await progressOf(store, prefix);
      if (process.stderr.isTTY || Date.now() - told < 5_000) continue;
      told = Date.now();
      tell(progressLine(now, count, 0));
    }
  } finally {
    line.end();
  }
  const measured = await measure(store, prefix, config);
  const audited = await runAudit({ published: ledgerFile }, config);
  const audit = {
    holds: audited.holds,
    lost: audited.lost.length,
    filedTwice: audited.filedTwice.length,
    settledTwice: audited.settledTwice.length,
    inDoubt: audited.inDoubt,
    takenByOthers: audited.taken.byOthers,
  };
  return { count, prefix, ...measured, audit };
}
