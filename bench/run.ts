/**
 * The bench: N registrations wait in the queue, the clock runs from the first delivery to the last settlement, and the
 * simulator takes 10–20 s for each. On compiled code and the servers named by the environment: `npm run bench`.
 */
import { mkdirSync, mkdtempSync, writeFileSync } from 'node:fs';
import { cpus, tmpdir, totalmem } from 'node:os';
import { dirname, join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { Command } from 'commander';
import { startChild } from '../src/child.ts';
import type { Child } from '../src/child.ts';
import { runAudit } from '../src/commands/audit.ts';
import { wholeNumber } from '../src/commands/arguments.ts';
import { columns } from '../src/commands/table.ts';
import { loadConfig } from '../src/config.ts';
import { measure } from '../src/measure.ts';
import { openStore } from '../src/store.ts';
import { comparison } from './compare.ts';
import { deleteQueues, ownNames, preload } from './preload.ts';
import { cpuSeconds, peakRssMb, rssMb, serverPids } from './processes.ts';
import { settledByMetrics } from './progress.ts';

interface BenchOptions {
  count: number;
  batchSize: number;
  latency: string;
  warmUp: number;
  /** Published while the system works, so many a second; absent: all wait in the queue before. */
  rate?: number;
  out: string;
  instance: string;
}

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
  .option('--out <file>', 'where to write the figures', 'bench/results/latest.json')
  .option('--instance <name>', 'whose servers, for their CPU time', 'bench')
  .option(
    '--compare',
    'ours beside what one would pick otherwise: has options of its own, see --compare --help',
  )
  .action(bench);

async function bench(options: BenchOptions): Promise<void> {
  const folder = mkdtempSync(join(tmpdir(), 'despachante-bench-'));
  const unique = Date.now().toString(36);
  const env: Record<string, string> = {
    ...ownNames(unique),
    DESPACHANTE_INTAKE_BATCH_SIZE: String(options.batchSize),
  };
  const children: Child[] = [];
  const start = async (args: string[]): Promise<Child> => {
    const child = await startChild({ args, env, logFile: join(folder, `${args[0] ?? ''}.log`) });
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
    const worker = await start(['worker', '--port', '0']);
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
    const serverCpuBefore = cpuSeconds(Object.values(servers));
    const workerCpuBefore = cpuSeconds([worker.pid]);
    const workerBaseRssMb = round(rssMb(worker.pid));
    const intake = await start(['intake', '--port', '0']);
    const ports = [worker.facts.health ?? 0, intake.facts.health ?? 0];
    const memory = watchMemory({ worker: worker.pid, intake: intake.pid, ...servers });
    const { rate } = options;
    const published =
      rate === undefined ? null : preload(config, 'bench', options.count, ledgerFile, rate);
    await settledByMetrics(ports, options.warmUp + options.count);
    await published;
    const rssMbByMinute = memory.stop();

    const pids = [worker.pid, intake.pid];
    const cpu = {
      workerCpuSeconds: round(cpuSeconds([worker.pid]) - workerCpuBefore),
      intakeCpuSeconds: round(cpuSeconds([intake.pid])),
      simulatorCpuSeconds: round(cpuSeconds([simulator.pid])),
      serverCpuSeconds: round(cpuSeconds(Object.values(servers)) - serverCpuBefore),
      workerBaseRssMb,
      peakRssMb: round(peakRssMb(worker.pid)),
      intakePeakRssMb: round(peakRssMb(pids[1] ?? 0)),
    };
    // What the gauge said last may still be on its way into the store.
    await delay(500);
    const store = await openStore(config);
    const measured = await measure(store, 'bench-', config.legacyUrl);
    const audit = await runAudit({ published: ledgerFile }, config);
    await store.db.dropDatabase();
    await store.close();
    await deleteQueues(config);
    report(options, {
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
      lost: audit.lost.length,
      duplicates: audit.filedTwice.length,
      auditHolds: audit.holds,
      date: new Date().toISOString(),
      machine: `${cpus().length} × ${cpus()[0]?.model ?? 'unknown'}, ${Math.round(totalmem() / 2 ** 30)} GiB, Node ${process.version}`,
      command: `npm run bench -- ${process.argv.slice(2).join(' ')}`.trim(),
    });
  } finally {
    for (const child of children.reverse()) await child.stop();
  }
}

/** The resident memory of processes, MB, now and each minute until it is stopped. */
function watchMemory(pids: Record<string, number>) {
  const samples: Record<string, number>[] = [];
  const sample = () =>
    samples.push(
      Object.fromEntries(Object.entries(pids).map(([name, pid]) => [name, Math.round(rssMb(pid))])),
    );
  sample();
  const timer = setInterval(sample, 60_000);
  return {
    stop() {
      clearInterval(timer);
      return samples;
    },
  };
}

const round = (value: number): number => Math.round(value * 100) / 100;

function rounded(measured: Awaited<ReturnType<typeof measure>>) {
  const one = (value: number | null) => (value === null ? null : round(value));
  return {
    settled: measured.settled,
    byOutcome: measured.byOutcome,
    floorSeconds: one(measured.floorSeconds),
    readySeconds: one(measured.readySeconds),
    wallSeconds: round(measured.wallSeconds),
    lagP50Ms: one(measured.lagP50Ms),
    lagP99Ms: one(measured.lagP99Ms),
    getsPerRegistration: one(measured.getsPerRegistration),
  };
}

function report({ out }: BenchOptions, figures: Record<string, unknown>): void {
  mkdirSync(dirname(out), { recursive: true });
  writeFileSync(out, `${JSON.stringify(figures, null, 2)}\n`);
  const rows = Object.entries(figures).map(([name, value]) => [
    name,
    typeof value === 'string' ? value : JSON.stringify(value),
  ]);
  process.stdout.write(`${columns(rows)}\n\nwritten to ${out}\n`);
}

await (process.argv.includes('--compare') ? comparison : program).parseAsync();
// A connection of a library that is still closing must not keep the bench.
process.exit();
