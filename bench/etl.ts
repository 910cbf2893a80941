/** A list whose process does nothing, beside a program that writes its output anew for each item. `--count` elements, and a tenth there. */
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { closeSync, mkdtempSync, openSync, readFileSync, rmSync, writeSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';
import { LEAN } from '../src/runtime/child.ts';
import { cpuSeconds, peakRssMb, processTree, serverPids } from './processes.ts';
import { profiling, readProfiles } from './profile.ts';

const { values } = parseArgs({
  options: {
    count: { type: 'string', default: '100000' },
    instance: { type: 'string', default: 'bench-etl' },
    profile: { type: 'boolean', default: false },
    alone: { type: 'boolean', default: false },
  },
});
const count = Number(values.count);
const folder = mkdtempSync(join(tmpdir(), 'despachante-bench-etl-'));
const file = (path: string): string => fileURLToPath(new URL(path, import.meta.url));

/** About 400 bytes each. */
function generate(name: string, items: number): string {
  const path = join(folder, name);
  const to = openSync(path, 'w');
  for (let n = 0; n < items; n += 1) {
    const facts = { id: `r-${n}`, source: 'MessagingSystem', title: `Title ${n}`, author: 'Ana' };
    const more = { creation_date: '2020-01-01T17:16:52.228009', tags: ['music'] };
    const element = JSON.stringify({ ...facts, ...more, message: 'x'.repeat(240) });
    writeSync(to, `${n === 0 ? '[\n' : ',\n'}${element}`);
  }
  writeSync(to, '\n]\n');
  closeSync(to);
  return path;
}

async function measure(args: string[], output: string, items: number) {
  const servers = Object.values(serverPids(values.instance, ['temporal', 'mongodb']));
  const before = cpuSeconds(servers);
  const begun = performance.now();
  const name = `bench-${Date.now().toString(36)}`;
  const child = spawn(process.execPath, args, {
    env: {
      ...{ ...LEAN.env, ...process.env },
      ...{ WORKERS: '100', DELAY_TIME: '0', PROCESSING_TIME: '0', FAILURE_RATE: '0' },
      ENCRYPTION_KEYS: `bench:${Buffer.alloc(32, 1).toString('base64')}`,
      ...{ DESPACHANTE_MONGODB_DATABASE: name, DESPACHANTE_TEMPORAL_TASK_QUEUE: name },
    },
    stdio: ['ignore', 'ignore', 'inherit'],
  });
  let peakMb = 0;
  let cpu = 0;
  const look = setInterval(() => {
    peakMb = Math.max(peakMb, peakRssMb(child.pid ?? 0));
    cpu = Math.max(cpu, cpuSeconds(processTree(child.pid ?? 0)));
  }, 500);
  await once(child, 'close');
  clearInterval(look);
  const seconds = (performance.now() - begun) / 1_000;
  const found: unknown = JSON.parse(readFileSync(output, 'utf8'));
  if (!Array.isArray(found) || found.length !== items)
    throw new Error(`${output} has not all of ${items} elements`);
  const each = (s: number) => (1_000 * s) / items;
  const cpuMsEach = { process: each(cpu), servers: each(cpuSeconds(servers) - before) };
  return { items, seconds, perSecond: items / seconds, cpuMsEach, peakMb };
}

try {
  const mine = join(folder, 'output.json');
  const theirs = join(folder, 'theirs.json');
  const few = Math.ceil(count / 10);
  const flags = [...LEAN.nodeOptions, ...(values.profile ? profiling(folder) : [])];
  const ours = await measure(
    [...flags, file('../src/cli.js'), 'etl', generate('all.json', count), '--output', mine],
    ...([mine, count] as const),
  );
  if (values.profile) process.stdout.write(`${JSON.stringify(readProfiles(folder), null, 2)}\n`);
  const program = file('../../bench/contestants/etl-like-seed.mjs');
  const other = values.alone
    ? null
    : await measure([program, generate('few.json', few), theirs], ...([theirs, few] as const));
  const ratio = other === null ? null : ours.perSecond / other.perSecond;
  process.stdout.write(`${JSON.stringify({ ours, other, ratio }, null, 2)}\n`);
} finally {
  rmSync(folder, { recursive: true });
}
