/**
 * The bench: N registrations wait in the queue, the clock runs from the first delivery to the last settlement, and the
 * simulator takes 10–20 s for each. On compiled code and the servers named by the environment: `npm run bench`.
 */
import { mkdtempSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { Command } from 'commander';
import { startChild } from '../src/runtime/child.ts';
import type { Child } from '../src/runtime/child.ts';
import { runAudit } from '../src/audit/run-audit.ts';
import { durationRange, wholeNumber } from '../src/commands/arguments.ts';
import type { Range } from '../src/commands/arguments.ts';
import { EXIT } from '../src/commands/exit.ts';
import { loadConfig } from '../src/config/load.ts';
import { measure } from '../src/operations/measure.ts';
import { openStore } from '../src/registrations/store.ts';
import { comparison } from './compare.ts';
import { becomeSlower, measureStretches } from './drift.ts';
import { machine } from './generated.ts';
import { measureIdle } from './idle.ts';
import { isKept, writeOurs } from './ours.ts';
import { ownNames, preload, removeOwn } from './preload.ts';
import {
  cpuSeconds,
  cpuSecondsBy,
  mainThreadCpuSeconds,
  peakRssMb,
  rssMb,
  serverPids,
  watchMemory,
} from './processes.ts';
import { profiling, readProfiles } from './profile.ts';
import { settledByMetrics } from './progress.ts';
import { report, round, rounded, sumOf } from './report.ts';

interface BenchOptions {
  count: number;
  batchSize: number;
  latency: string;
  warmUp: number;
  /** Published while the system works, so many a second; absent: all wait in the queue before. */
  rate?: number;
  /** The latency of the simulated legacy system from the middle of the publishing on. */
  drift?: Range;
  /** Where the worker spends its time is told, by package. */
  profile?: boolean;
  /** Nothing is published; what the processes take meanwhile is measured for so many seconds. */
  idle?: number;
  out?: string;
  instance: string;
}

const LATEST = 'bench/results/latest.json';

const program = new Command('bench')
  .description('settle N registrations that wait in the queue, and measure it')
  .option('--count <n>', 'registrations', wholeNumber(1, 1_000_000), 10_000)
  .option(
    '--batch-size <n>',
    'registrations per run at most (1: one run each)',
    wholeNumber(1, 500),
    250,
  )
  .option('--latency <range>', 'of the simulated legacy system', '10s..20s')
  .option(
    '--warm-up <n>',
    'registrations that the worker has settled before',
    wholeNumber(0, 100_000),
    0,
  )
  .option(
    '--rate <n>',
    'publish so many a second while it works, instead of all before (memory is then told by the minute)',
    wholeNumber(1, 100_000),
  )
  .option(
    '--drift <range>',
    'with --rate: the latency from the middle of the publishing on; lag and GETs are then told by the thousand after it',
    durationRange,
  )
  .option('--profile', 'have V8 sample the worker, and tell its time by package; slows it a little')
  .option(
    '--idle <seconds>',
    'publish nothing, and measure for so long what the processes take of a core',
    wholeNumber(1, 86_400),
  )
  .option(
    '--out <file>',
    `where to write the figures (default: ${LATEST} of the standard job, which has none of these options but --count 10000; else dist/bench.json)`,
  )
  .option('--instance <name>', 'whose servers, for their CPU time', 'bench')
  .option(
    '--compare',
    'ours beside what one would pick otherwise: has options of its own, see --compare --help',
  )
  .action(bench);

/** What documents speak of as the burst of 10,000. */
function isStandard(): boolean {
  const given = process.argv.slice(2).join(' ');
  return given === '' || given === '--count 10000';
}

async function bench(options: BenchOptions): Promise<void> {
  const out = options.out ?? (isStandard() ? LATEST : 'dist/bench.json');
  if (options.drift !== undefined && options.rate === undefined) {
    program.error("error: option '--drift <range>' needs '--rate <n>'", { exitCode: EXIT.usage });
  }
  const folder = mkdtempSync(join(tmpdir(), 'despachante-bench-'));
  const unique = Date.now().toString(36);
  const env: Record<string, string> = {
    ...ownNames(unique),
    DESPACHANTE_INTAKE_BATCH_SIZE: String(options.batchSize),
  };
  const children: Child[] = [];
  let clear = async (): Promise<void> => {};
  const start = async (args: string[], nodeOptions: string[] = []): Promise<Child> => {
    const logFile = join(folder, `${args[0] ?? ''}.log`);
    const child = await startChild({ args, env, logFile, nodeOptions });
    children.push(child);
    return child;
  };
  try {
    const simulator = await start([
      'simulate',
      '--port',
      '0',
      '--core-port',
      '0',
      '--latency',
      options.latency,
    ]);
    env['LEGACY_URL'] = simulator.facts.url ?? '';
    const { config } = loadConfig({ env: { ...process.env, ...env } });
    clear = () => removeOwn(config);
    const worker = await start(
      ['worker', '--port', '0'],
      options.profile === true ? profiling(folder) : [],
    );
    if (options.idle !== undefined) {
      const { pid: intake } = await start(['intake', '--port', '0']);
      const pids = { worker: worker.pid, intake, ...serverPids(options.instance) };
      const idle = { idleSeconds: options.idle, ...(await measureIdle(pids, options.idle)) };
      return report(out, { ...idle, ...circumstances() });
    }
    if (options.warmUp > 0) {
      await preload(config, 'warm', options.warmUp, join(folder, 'warm.jsonl'));
      const first = await start(['intake', '--port', '0']);
      const ports = [worker.facts.health ?? 0, first.facts.health ?? 0];
      await settledByMetrics(ports, options.warmUp);
      await first.stop();
    }
    const ledgerFile = join(folder, 'published.jsonl');
    if (options.rate === undefined) await preload(config, 'bench', options.count, ledgerFile);

    const servers = serverPids(options.instance);
    const serverCpuBefore = cpuSecondsBy(servers);
    const workerCpuBefore = cpuSeconds([worker.pid]);
    const mainThreadBefore = mainThreadCpuSeconds(worker.pid);
    const workerBaseRssMb = round(rssMb(worker.pid));
    const intake = await start(['intake', '--port', '0']);
    const ports = [worker.facts.health ?? 0, intake.facts.health ?? 0];
    const memory = watchMemory({ worker: worker.pid, intake: intake.pid, ...servers });
    const { rate, drift } = options;
    const published =
      rate === undefined ? null : preload(config, 'bench', options.count, ledgerFile, rate);
    const driftedAt =
      rate === undefined || drift === undefined
        ? null
        : delay((options.count / rate / 2) * 1_000).then(() => becomeSlower(config, drift));
    await settledByMetrics(ports, options.warmUp + options.count);
    await published;
    const since = await driftedAt;
    const rssMbByMinute = memory.stop();

    const serverCpuSecondsBy = Object.fromEntries(
      Object.entries(cpuSecondsBy(servers)).map(([name, after]) => [
        name,
        round(after - (serverCpuBefore[name] ?? 0)),
      ]),
    );
    const cpu = {
      workerCpuSeconds: round(cpuSeconds([worker.pid]) - workerCpuBefore),
      intakeCpuSeconds: round(cpuSeconds([intake.pid])),
      simulatorCpuSeconds: round(cpuSeconds([simulator.pid])),
      workerMainThreadCpuSeconds: round(mainThreadCpuSeconds(worker.pid) - mainThreadBefore),
      serverCpuSeconds: round(sumOf(serverCpuSecondsBy)),
      serverCpuSecondsBy,
      workerBaseRssMb,
      peakRssMb: round(peakRssMb(worker.pid)),
      intakePeakRssMb: round(peakRssMb(intake.pid)),
    };
    // What the gauge said last may still be on its way into the store.
    await delay(500);
    const store = await openStore(config, 'reader');
    const measured = await measure(store, 'bench-', config);
    const afterDrift =
      since === null
        ? null
        : await measureStretches(store, 'bench-', config, { since, length: 1_000 });
    const audit = await runAudit({ published: ledgerFile }, config);
    await store.close();
    if (options.profile === true) await worker.stop();
    report(out, {
      count: options.count,
      batchSize: options.batchSize,
      warmUp: options.warmUp,
      ...rounded(measured),
      perSecond: round(options.count / measured.wallSeconds),
      steadyPerSecond: round(measured.steadyPerSecond),
      ratioToFloor:
        measured.floorSeconds === null ? null : round(measured.wallSeconds / measured.floorSeconds),
      ...cpu,
      ...(rate === undefined ? {} : { ratePerSecond: rate, rssMbByMinute }),
      ...(afterDrift === null ? {} : { drift, afterDrift }),
      ...(options.profile === true ? { profile: readProfiles(folder) } : {}),
      // Nobody else takes records here.
      lost: audit.lost.length + audit.taken.byOthers,
      duplicates: audit.filedTwice.length,
      auditHolds: audit.holds,
      ...circumstances(),
    });
    if (isKept(out)) writeOurs();
  } finally {
    for (const child of children.reverse()) await child.stop();
    await clear();
  }
}

const circumstances = () => ({
  date: new Date().toISOString(),
  machine: machine(),
  command: `npm run bench -- ${process.argv.slice(2).join(' ')}`.trim(),
});

await (process.argv.includes('--compare') ? comparison : program).parseAsync();
// A connection of a library that is still closing must not keep the bench.
process.exit();
