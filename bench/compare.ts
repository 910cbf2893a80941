/**
 * The comparison: the same registrations, the same simulator, the same cadence of polls, one contestant after the other.
 * `npm run bench -- --compare`. Figures go into one file, by contestant, count and kill; a later run replaces its own.
 */
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { Command, InvalidArgumentError } from 'commander';
import type { Db } from 'mongodb';
import { startChild } from '../src/runtime/child.ts';
import { wholeNumber } from '../src/commands/arguments.ts';
import { runAudit } from '../src/audit/run-audit.ts';
import { loadConfig } from '../src/config/load.ts';
import type { Config } from '../src/config/schema.ts';
import { connectMongo } from '../src/mongo/client.ts';
import { connectOnce } from '../src/broker/rabbitmq/connection.ts';
import { CONTESTANTS, installContestants, isContestant } from './contestants.ts';
import { startOther, startOurs, startServer } from './contestants.ts';
import type { Contestant, ContestantName, Runner } from './contestants.ts';
import { writeDocument } from './document.ts';
import { machine } from './generated.ts';
import { writeOurs } from './ours.ts';
import { cpuSeconds, peakRssMb, processTree, serverPids } from './processes.ts';
import { ownNames, preload, removeOwn } from './preload.ts';
import { addResult, readResults } from './results-file.ts';
import type { CompareResult } from './results-file.ts';
import { judge, settlementsOfOthers, settlementsOfOurs, simulatorStats } from './verdict.ts';

export interface CompareOptions {
  count: number;
  only: ContestantName[];
  /** Seconds after the start at which everything of the contestant is killed; null: nobody is. */
  kill: number | null;
  latency: string;
  instance: string;
  /** For ours, beside its own. */
  settings?: Record<string, string>;
}

const RESULTS = 'bench/results/compare.json';
const RESTART_MS = 2_000;
/** Nothing has moved for so long: it never will. Longer than the slowest contestant takes to notice a crash. */
const PATIENCE_MS = 30_000;

const names = (text: string): ContestantName[] =>
  text.split(',').map((name) => {
    if (isContestant(name)) return name;
    throw new InvalidArgumentError(`one or more of ${Object.keys(CONTESTANTS).join(',')}`);
  });

export const comparison = new Command('bench --compare')
  .description(
    'the same job for Despachante and for what one would pick otherwise, one after another',
  )
  .option('--compare', 'what you are looking at')
  .option('--count <n>', 'registrations', wholeNumber(1, 1_000_000), 1_000)
  .option('--only <names>', `of ${Object.keys(CONTESTANTS).join(',')}`, names)
  .option('--kill [seconds]', 'kill -9 at this time (8 s), and start again 2 s later', Number)
  .option('--latency <range>', 'of the simulated legacy system', '10s..20s')
  .option('--out <file>', 'where the figures are kept', RESULTS)
  .option('--instance <name>', 'whose servers, for their CPU time', 'bench')
  .option(
    '--charts',
    'measure nothing: only draw the table and the charts of docs/proof/benchmarks.md',
  )
  .action(
    async (
      options: Omit<CompareOptions, 'only' | 'kill'> & {
        only?: ContestantName[];
        kill?: number | true;
        out: string;
        charts?: true;
      },
    ) => {
      const only = options.only ?? Object.keys(CONTESTANTS).filter(isContestant);
      const kill = options.kill === true ? 8 : (options.kill ?? null);
      for (const name of options.charts === true ? [] : only) {
        process.stderr.write(`${name}, ${options.count} registrations\n`);
        try {
          const result = await contest(name, { ...options, only, kill });
          addResult(options.out, result);
          process.stdout.write(`${JSON.stringify(result, null, 2)}\n`);
        } catch (error) {
          // One that cannot be started here, for want of PostgreSQL perhaps, does not hold back the others.
          process.exitCode = 1;
          process.stderr.write(`${name} was left out: ${String(error)}\n`);
        }
      }
      if (options.out !== RESULTS) return;
      writeDocument(readResults(RESULTS));
      writeOurs();
    },
  );

/** One contestant's run, from empty servers and a fresh simulator to its figures. */
export async function contest(
  name: ContestantName,
  options: CompareOptions,
): Promise<CompareResult> {
  const contestant: Contestant = CONTESTANTS[name];
  const count = Math.min(options.count, contestant.most);
  const folder = mkdtempSync(join(tmpdir(), 'despachante-bench-'));
  const unique = Date.now().toString(36);
  const env: Record<string, string> = {
    ...ownNames(unique),
    DATABASE: `bench_${unique}`,
    QUEUE: `bench.${unique}`,
    ...contestant.settings,
    ...options.settings,
  };
  const ending: (() => Promise<unknown>)[] = [];
  try {
    if (contestant.settings === null) await installContestants();
    const simulator = await startChild({
      args: ['simulate', '--port', '0', '--core-port', '0', '--latency', options.latency],
      env,
      logFile: join(folder, 'simulate.log'),
    });
    ending.push(() => simulator.stop());
    env['LEGACY_URL'] = simulator.facts.url ?? '';
    const { config } = loadConfig({ env: { ...process.env, ...env } });
    const published = join(folder, 'published.jsonl');
    await preload(config, 'bench', count, published);
    ending.push(() => removeOwn(config));
    const mongo = await connectMongo(config);
    const { db } = mongo;
    ending.push(() => mongo.close());

    const servers = ownServers(options.instance, contestant);
    if (contestant.server !== null) {
      const server = await startServer(contestant.server, folder);
      ending.push(() => server.stop());
      env[`${contestant.server.toUpperCase()}_URL`] = server.url;
      servers.push(server.pid);
    }
    const start = (): Promise<Runner> =>
      contestant.settings === null ? startOther(name, { env, folder }) : startOurs({ env, folder });

    const cpuOf = (pids: number[]) => cpuSeconds(pids.flatMap(processTree));
    let runner = await start();
    ending.push(() => runner.stop());
    const before = { servers: cpuOf(servers), worker: cpuOf(runner.pids) };
    await runner.go();
    if (options.kill !== null) {
      await delay(options.kill * 1_000);
      await runner.kill();
      await delay(RESTART_MS);
      runner = await start();
      await runner.go();
    }
    await quiet(db, config.legacyUrl, count);

    const cpu = {
      workerCpuSeconds: cpuOf(runner.pids) - before.worker,
      serverCpuSeconds: cpuOf(servers) - before.servers,
    };
    const peakMb = runner.pids.reduce((sum, pid) => sum + peakRssMb(pid), 0);
    await delay(500); // ours notes a settlement after it has written the result
    const isOurs = contestant.settings !== null;
    const audit = isOurs ? await runAudit({ published }, config) : null;
    await runner.stop();
    const verdict = await judge({
      count,
      settlements: await (isOurs ? settlementsOfOurs(db) : settlementsOfOthers(db)),
      legacyUrl: config.legacyUrl,
      waiting: await waitingIn(config),
      inDoubt: audit?.inDoubt ?? 0,
    });
    const result = {
      contestant: name,
      count,
      killAtSeconds: options.kill,
      ...rounded({ ...verdict, ...cpu, peakRssMb: peakMb }),
      // A process that was killed takes its figures with it.
      ...(options.kill === null ? {} : { workerCpuSeconds: null, peakRssMb: null }),
      auditHolds: audit?.holds ?? null,
      date: new Date().toISOString(),
      machine: machine(),
      command: commandOf(name, options),
    };
    ending.unshift(() => Promise.resolve(rmSync(folder, { recursive: true, force: true })));
    return result;
  } finally {
    // After a failure the folder stays: its logs tell why.
    for (const end of ending.reverse()) await end();
  }
}

/** The broker and MongoDB, which all use, and Temporal for ours. */
function ownServers(instance: string, { temporal }: Contestant): number[] {
  const pids = Object.entries(serverPids(instance));
  return pids.filter(([name]) => temporal || name !== 'temporal').map(([, pid]) => pid);
}

/** Waits until all are settled, or until nothing has moved for long: neither results nor requests. */
async function quiet(db: Db, legacyUrl: string, count: number): Promise<void> {
  let moved = Date.now();
  let before = '';
  for (;;) {
    const settled = await db.collection('registrations').estimatedDocumentCount();
    if (settled >= count) return;
    const { gets, posts, inFlight } = await simulatorStats(legacyUrl);
    const now = [settled, gets, posts, inFlight].join(' ');
    if (now !== before) moved = Date.now();
    before = now;
    if (Date.now() - moved > PATIENCE_MS) return;
    await delay(1_000);
  }
}

async function waitingIn({ amqpUrl, rabbit }: Config): Promise<number> {
  const connection = await connectOnce(amqpUrl, 'bench', rabbit.heartbeat);
  const channel = await connection.createChannel();
  const { messageCount } = await channel.checkQueue(rabbit.intakeQueue);
  await connection.close();
  return messageCount;
}

const rounded = <T extends Record<string, number>>(figures: T): T => {
  const copy = { ...figures };
  for (const key in copy) Object.assign(copy, { [key]: Math.round((copy[key] ?? 0) * 100) / 100 });
  return copy;
};

const commandOf = (name: string, { count, kill }: CompareOptions): string =>
  [`npm run bench -- --compare --count ${count} --only ${name}`]
    .concat(kill === null ? [] : [`--kill ${kill}`])
    .join(' ');
