/**
 * A queue whose messages go to an HTTP endpoint: ours, by queues.yaml alone, and beside it a hand-written consumer that acknowledges
 * late. On compiled code and the servers named by the environment: `npm run bench:webhook`.
 */
import { mkdirSync, writeFileSync } from 'node:fs';
import { fork } from 'node:child_process';
import { join } from 'node:path';
import { Command } from 'commander';
import { wholeNumber } from '../src/commands/arguments.ts';
import { WEBHOOK, contest, figuresOf, type Asked, type Sent } from './send/figures.ts';
import { inPlace, type Place } from './send/place.ts';
import { received, type Spent } from './send/receiving.ts';
import { installContestants } from './contestants.ts';
import { cpuSeconds, peakRssMb } from './processes.ts';
import { fill, openSource } from './tasks/source.ts';

const AT_ONCE = 32;
const WHO = ['Despachante', 'hand-written'] as const;
type Who = (typeof WHO)[number];

interface Options extends Asked {
  count: number;
}

async function bench({ count, ...asked }: Options): Promise<void> {
  const title = `${count.toLocaleString('en')} messages of 1 KiB`;
  const of = { case: 'webhook', title, unit: 'messages/s', script: 'bench:webhook' };
  await contest(WHO, asked, of, (who) => inPlace((place) => once(who, count, place)));
}

async function once(who: Who, count: number, place: Place): Promise<Sent> {
  const { config, name, receiver } = place;
  const source = await openSource(config, 'rabbitmq', name);
  try {
    await fill(source, count, (n) => Buffer.alloc(1_024, `${n} `));
    const spent = who === 'Despachante' ? await ours(place, count) : await theirs(place, count);
    const { firstAt, lastAt } = await received(receiver, count);
    const endedAt = who === 'Despachante' ? await place.settledAt() : lastAt;
    return figuresOf((1_000 * count) / (endedAt - firstAt), spent, count);
  } finally {
    await source.close();
  }
}

/** Durable: until the last claim says how its message has ended. */
async function ours(
  { folder, name, config, receiver, ours }: Place,
  count: number,
): Promise<Spent> {
  const workers = join(folder, 'workers');
  mkdirSync(workers);
  const file = join(folder, 'queues.yaml');
  const handler = `{type: http, url: '${receiver.url}/', concurrency: ${AT_ONCE}}`;
  writeFileSync(
    file,
    `queues:\n  - {name: ${name}, broker_url: '${config.amqpUrl}', handler: ${handler}}\n`,
  );
  return ours(['tasks', 'run', '--all', '--workers', workers, '--queues', file], count);
}

/** Its acknowledgements follow the answers. */
async function theirs({ config, name, receiver }: Place, count: number): Promise<Spent> {
  await installContestants();
  const child = fork('bench/contestants/webhook.mjs', [], {
    execArgv: [],
    env: {
      ...process.env,
      ...{ AMQP_URL: config.amqpUrl, BENCH_SOURCE: name, BENCH_URL: receiver.url },
      BENCH_AT_ONCE: String(AT_ONCE),
    },
  });
  try {
    await received(receiver, count);
    return { cpuSeconds: cpuSeconds([child.pid ?? 0]), peakMb: peakRssMb(child.pid ?? 0) };
  } finally {
    child.kill();
  }
}

await new Command('bench:webhook')
  .option('--contestants <names>', `of: ${WHO.join(', ')}`)
  .option('--count <n>', 'messages', wholeNumber(1, 1_000_000), 10_000)
  .option('--runs <n>', 'of each; the one in the middle counts', wholeNumber(1, 99), 3)
  .option(
    '--out <file>',
    `where figures are kept (those in ${WEBHOOK} are those of the docs)`,
    WEBHOOK,
  )
  .action(bench)
  .parseAsync();
process.exit();
