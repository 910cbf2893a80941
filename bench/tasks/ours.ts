/** One run of ours: a source that is filled before, processes of workers, and what they took. */
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import type { Collection } from 'mongodb';
import { loadConfig } from '../../src/config/load.ts';
import { OWN } from '../../src/mongo/collections.ts';
import { openDatabase } from '../../src/mongo/own-database.ts';
import { startChild, type Child } from '../../src/runtime/child.ts';
import type { TaskClaim } from '../../src/tasks/claims.ts';
import { cpuSeconds, peakRssMb, processTree, rssMb, serverPids } from '../processes.ts';
import { profiling, readProfiles } from '../profile.ts';
import { bodyOf, type Case } from './cases.ts';
import type { Figures } from './figures.ts';
import { fill, openSource, type Filled } from './source.ts';

const WORKER = fileURLToPath(new URL('worker.js', import.meta.url));

export interface Circumstances {
  /** Whose servers, for their CPU time. */
  instance: string;
  /** Tells where the time of the processes went, by package. */
  profile?: (shares: Record<string, Record<string, number>>) => void;
}

interface Running {
  claims: Collection<TaskClaim>;
  source: Filled;
  /** Where handlers write how late they began, ms. */
  file: string;
  start: () => Promise<Child>;
  children: Child[];
}

/** As many tasks as were published have ended, or rest; by the metrics, which cost the measured system next to nothing. */
export async function ended(children: readonly Child[], count: number, sample: RegExp) {
  const deadline = Date.now() + 600_000;
  for (;;) {
    const texts = await Promise.all(
      children.map(async ({ facts }) => {
        const answer = await fetch(`http://127.0.0.1:${facts.health ?? 0}/metrics`);
        return answer.text();
      }),
    );
    const lines = texts.flatMap((text) => text.split('\n')).filter((line) => sample.test(line));
    const sum = lines.reduce((total, line) => total + Number(line.split(' ').at(-1)), 0);
    if (sum >= count) return;
    if (Date.now() > deadline) throw new Error(`${sum} of ${count} have ended after 10 minutes`);
    await delay(250);
  }
}

const SETTLED = /^despachante_tasks_total/;
const CALLED = /^despachante_task_attempts_total/;

export async function ours(measured: Case, circumstances: Circumstances): Promise<Figures> {
  switch (measured.unit) {
    case 'tasks/s':
      return rate(measured, circumstances, () => false);
    case '%': {
      const alone = await rate(measured, circumstances, () => false);
      const beside = await rate(measured, circumstances, (n) => n % 1_000 === 500);
      return { ...beside, value: (100 * beside.value) / alone.value };
    }
    case 'ms':
      return latency(measured);
    case 'MB':
      return memory(measured);
  }
}

const SERVERS = ['temporal', 'mongodb'];

/** From the first delivery to the last that is done. */
async function rate(
  measured: Case,
  { instance, profile }: Circumstances,
  isPoison: (n: number) => boolean,
): Promise<Figures> {
  const profiles = mkdtempSync(join(tmpdir(), 'despachante-profile-'));
  const nodeOptions = profile === undefined ? [] : profiling(profiles);
  const figures = await run(measured, nodeOptions, async ({ claims, source, start, children }) => {
    const { count, broker } = measured;
    await fill(source, count, (n) => bodyOf(n, isPoison(n)));
    const servers = Object.values(serverPids(instance, [...SERVERS, broker]));
    const before = cpuSeconds(servers);
    await start();
    await ended(children, count, SETTLED);
    const processes = children.flatMap(({ pid }) => processTree(pid));
    const done = { 'outcome.kind': 'done' } as const;
    const first = await claims.find({}).sort({ receivedAt: 1 }).limit(1).next();
    const last = await claims.find(done).sort({ settledAt: -1 }).limit(1).next();
    const wall = (last?.settledAt?.getTime() ?? Infinity) - (first?.receivedAt.getTime() ?? 0);
    const each = (seconds: number) => (seconds * 1_000) / count;
    return {
      value: ((await claims.countDocuments(done)) * 1_000) / wall,
      processMsEach: each(cpuSeconds(processes)),
      serverMsEach: each(cpuSeconds(servers) - before),
      peakRssMb: processes.reduce((sum, pid) => sum + peakRssMb(pid), 0),
    };
  });
  profile?.(readProfiles(profiles));
  rmSync(profiles, { recursive: true });
  return figures;
}

/** Where CPU time says nothing. */
const NOT_COUNTED = { processMsEach: 0, serverMsEach: 0 };
const PAUSE_MS = 250;

/** One message at a time, to processes that have nothing else to do. */
function latency(measured: Case): Promise<Figures> {
  return run(measured, [], async ({ source, start, children, file }) => {
    for (let n = 0; n < (measured.processes ?? 1); n++) await start();
    const warmUp = 10;
    const all = warmUp + measured.count;
    for (let n = 0; n < all; n++) {
      await source.publish(`m-${n}`, bodyOf(n));
      await delay(PAUSE_MS + Math.random() * PAUSE_MS);
    }
    await ended(children, all, SETTLED);
    const processes = children.flatMap(({ pid }) => processTree(pid));
    return {
      ...percentiles(file, warmUp),
      ...NOT_COUNTED,
      peakRssMb: processes.reduce((sum, pid) => sum + peakRssMb(pid), 0),
    };
  });
}

/** Of lines with ms, without the first few. */
export function percentiles(file: string, warmUp: number): { value: number; p99Ms: number } {
  const lines = readFileSync(file, 'utf8').trim().split('\n').slice(warmUp).map(Number);
  const sorted = lines.sort((a, b) => a - b);
  const at = (share: number) => sorted[Math.floor(sorted.length * share)] ?? NaN;
  return { value: at(0.5), p99Ms: at(0.99) };
}

/** Half of them rest for an hour; the other half waits in the queue, since so many are open. */
function memory(measured: Case): Promise<Figures> {
  return run(measured, [], async ({ source, start, children }) => {
    await fill(source, measured.count, (n) => bodyOf(n));
    await start();
    await ended(children, measured.count / 2, CALLED);
    await delay(SETTLE_MS);
    const processes = children.flatMap(({ pid }) => processTree(pid));
    const sum = (of: (pid: number) => number) =>
      processes.reduce((total, pid) => total + of(pid), 0);
    return { value: sum(rssMb), ...NOT_COUNTED, peakRssMb: sum(peakRssMb) };
  });
}

const SETTLE_MS = 30_000;

/** Names, a source and a database of its own, and what was started is ended. */
async function run<T>(
  { work, broker, env: more }: Case,
  nodeOptions: string[],
  measure: (running: Running) => Promise<T>,
): Promise<T> {
  const folder = mkdtempSync(join(tmpdir(), 'despachante-bench-tasks-'));
  const name = `bench-${Date.now().toString(36)}`;
  const file = join(folder, 'late.txt');
  const env: Record<string, string> = {
    DESPACHANTE_MONGODB_DATABASE: name,
    DESPACHANTE_TEMPORAL_TASK_QUEUE: name,
    DESPACHANTE_SWEEPER_ENABLED: 'false',
    // As in production.
    ENCRYPTION_KEYS: `bench:${Buffer.alloc(32, 1).toString('base64')}`,
    KAFKA_ENABLED: 'true',
    ...more,
    BENCH_CASE: work,
    BENCH_BROKER: broker,
    BENCH_SOURCE: name,
    BENCH_OUTPUT: `${name}.out`,
    BENCH_FILE: file,
  };
  const { config } = loadConfig({ env: { ...process.env, ...env } });
  const source = await openSource(config, broker, name);
  const mongo = await openDatabase(config, 'writer');
  const children: Child[] = [];
  const start = async () => {
    const child = await startChild({
      args: ['tasks', 'run', '--all', '--workers', WORKER, '--port', '0'],
      ...{ env, nodeOptions, logFile: join(folder, `tasks-${children.length}.log`) },
    });
    children.push(child);
    return child;
  };
  try {
    const claims = mongo.own.collection<TaskClaim>(OWN.taskClaims);
    return await measure({ claims, source, file, start, children });
  } finally {
    await Promise.all(children.map((child) => child.stop()));
    await source.close();
    await mongo.db.dropDatabase().catch(() => {});
    await mongo.close();
    rmSync(folder, { recursive: true });
  }
}
