/**
 * A list whose process does nothing: ours, and beside it a program as one writes it first, whose output is written anew for each
 * element; that one gets a tenth. On compiled code and the servers named by the environment: `npm run bench:etl`.
 */
import { closeSync, mkdtempSync, openSync, readFileSync, rmSync, writeSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { Command } from 'commander';
import { wholeNumber } from '../src/commands/arguments.ts';
import { LEAN } from '../src/runtime/child.ts';
import { profiling, readProfiles } from './profile.ts';
import { ETL, contest, figuresOf, type Asked, type Sent } from './send/figures.ts';
import { runProgram } from './send/receiving.ts';

const WHO = ['Despachante', 'rewriting'] as const;
type Who = (typeof WHO)[number];

interface Options extends Asked {
  count: number;
  profile?: boolean;
}

async function bench({ count, profile = false, ...asked }: Options): Promise<void> {
  const title = `${count.toLocaleString('en')} records of 400 bytes`;
  const of = { case: 'etl', title, unit: 'records/s', script: 'bench:etl' };
  await contest(WHO, asked, of, async (who) => {
    const isOurs = who === 'Despachante';
    const items = isOurs ? count : Math.ceil(count / 10);
    const notes = isOurs ? '' : `${items.toLocaleString('en')} of them`;
    return { ...(await once(who, items, profile)), notes };
  });
}

async function once(who: Who, items: number, profile: boolean): Promise<Sent> {
  const folder = mkdtempSync(join(tmpdir(), 'despachante-bench-etl-'));
  const output = join(folder, 'output.json');
  const input = generate(join(folder, 'all.json'), items);
  const file = (path: string): string => fileURLToPath(new URL(path, import.meta.url));
  const flags = [...LEAN.nodeOptions, ...(profile ? profiling(folder) : [])];
  const program =
    who === 'Despachante'
      ? [...flags, file('../src/cli.js'), 'etl', input, '--output', output]
      : [file('../../bench/contestants/etl-like-seed.mjs'), input, output];
  try {
    const begun = performance.now();
    const log = join(folder, 'log');
    const spent = await runProgram([process.execPath, ...program], log, ours());
    const seconds = (performance.now() - begun) / 1_000;
    const found: unknown = JSON.parse(readFileSync(output, 'utf8'));
    if (!Array.isArray(found) || found.length !== items)
      throw new Error(`${output} has not all of ${items} elements`);
    if (profile && who === 'Despachante')
      process.stdout.write(`${JSON.stringify(readProfiles(folder), null, 2)}\n`);
    return figuresOf(items / seconds, spent, items);
  } finally {
    rmSync(folder, { recursive: true });
  }
}

/** A database and a task queue of its own, keys as in production, and nothing that takes time. */
function ours(): NodeJS.ProcessEnv {
  const name = `bench-${Date.now().toString(36)}`;
  return {
    ...{ ...LEAN.env, ...process.env },
    ...{ WORKERS: '100', DELAY_TIME: '0', PROCESSING_TIME: '0', FAILURE_RATE: '0' },
    ENCRYPTION_KEYS: `bench:${Buffer.alloc(32, 1).toString('base64')}`,
    ...{ DESPACHANTE_MONGODB_DATABASE: name, DESPACHANTE_TEMPORAL_TASK_QUEUE: name },
  };
}

/** About 400 bytes each. */
function generate(path: string, items: number): string {
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

await new Command('bench:etl')
  .option('--contestants <names>', `of: ${WHO.join(', ')}`)
  .option('--count <n>', 'elements', wholeNumber(1, 10_000_000), 100_000)
  .option('--runs <n>', 'of each; the one in the middle counts', wholeNumber(1, 99), 3)
  .option('--profile', 'tell where the time of ours goes')
  .option('--out <file>', `where figures are kept (those in ${ETL} are those of the docs)`, ETL)
  .action(bench)
  .parseAsync();
process.exit();
