import type { Command } from 'commander';
import { outgoing, type Outgoing } from '../broker/rabbitmq/publish-all.ts';
import { ownAddresses } from '../operations/own-servers.ts';
import { declareQueues } from '../broker/rabbitmq/queues.ts';
import { connectOnce } from '../broker/rabbitmq/connection.ts';
import { registrationLines } from './registration-lines.ts';
import { sampleRegistrations } from '../simulator/samples.ts';
import { positive, wholeNumber } from './arguments.ts';
import { answer, load } from './context.ts';
import { CommandError, EXIT } from './exit.ts';
import { systemAt } from '../audit/system-name.ts';
import { publishNoted } from './publish-noted.ts';
import { showProgress } from './progress.ts';
import { listOf, serversOf, type Server } from './start-samples.ts';
import { line, number } from './table.ts';
import { examples } from './examples.ts';

interface PublishOptions {
  count?: number;
  seed?: number;
  prefix?: string;
  raw?: boolean;
  rate?: number;
  window: number;
  ledger?: string;
}

export function addPublish(program: Command): void {
  program
    .command('publish')
    .argument('[file]', 'JSON lines, one registration each; - is standard input')
    .option(
      '--count <n>',
      'without a file: how many to generate (1000, where the broker was brought up here)',
      wholeNumber(1, 10_000_000),
    )
    .option('--seed <n>', 'the same seed generates the same registrations', wholeNumber(0))
    .option('--prefix <text>', 'how the ids of generated registrations begin (reg)')
    .option('--raw', 'publish each line as it is, registration or not')
    .option('--rate <n>', 'messages per second at most', positive)
    .option('--window <n>', 'messages that wait for a confirm at once', wholeNumber(1, 10_000), 500)
    .option(
      '--ledger <file>',
      'append the id and SHA-256 of each confirmed message, for "audit --published"; asks MongoDB which system this is',
    )
    .addHelpText(
      'after',
      `
A file is checked before anything of it is published: a line that is no registration stops it, unless --raw is given.
With an id published earlier, a registration is a duplicate (same bytes) or a conflict (others).
${examples(
  ['Your own, from a file of JSON lines', 'despachante publish registrations.jsonl'],
  [
    '1,000 invented ones at 50 a second, noted for the audit',
    'despachante publish --count 1000 --rate 50 --ledger published.jsonl',
  ],
  ['From another program', "jq -c '.[]' export.json | despachante publish -"],
)}`,
    )
    .action(publish);
}

const COUNT = 1000;

/** Whoever forgets the file would otherwise fill a queue with inventions, and a legacy system by that. */
function requireOwn(servers: readonly Server[]): void {
  const others = servers.filter(
    ({ variable, isOurs }) => !isOurs && ['AMQP_URL', 'LEGACY_URL'].includes(variable),
  );
  if (others.length === 0) return;
  throw new CommandError(
    `Nothing was published: ${listOf(others)} ${others.length === 1 ? 'was' : 'were'} not brought up by "npm start" or "npm run engines" here, and what is generated is invented. Name a file, or say --count <n> if inventions are meant`,
    EXIT.usage,
  );
}

function refuseWithFile(options: PublishOptions): void {
  const given = (['count', 'seed', 'prefix'] as const).filter(
    (name) => options[name] !== undefined,
  );
  if (given.length === 0) return;
  throw new CommandError(
    `--${given.join(', --')} is for generated registrations: leave out either it or the file`,
    EXIT.usage,
  );
}

/** With another seed each time unless told otherwise, so that a second call brings no duplicates. */
function* generated({ count = COUNT, seed, prefix = 'reg' }: PublishOptions): Generator<Outgoing> {
  const samples = sampleRegistrations({ count, seed: seed ?? Date.now(), prefix });
  for (const { id, body } of samples) yield outgoing(id, body);
}

async function publish(
  file: string | undefined,
  options: PublishOptions,
  command: Command,
): Promise<void> {
  if (file !== undefined) refuseWithFile(options);
  const { config, origins, instance } = load(command);
  const { amqpUrl: url, rabbit } = config;
  const { intakeQueue: queue } = rabbit;
  if (file === undefined && options.count === undefined)
    requireOwn(serversOf(config, ownAddresses(instance), origins['legacyUrl'] === 'default'));
  const messages =
    file === undefined
      ? generated(options)
      : await registrationLines(file, config, options.raw === true);
  // Fails at once where the supervised publisher would go on trying; and intake may never have run yet.
  const connection = await connectOnce(url, 'despachante publish', rabbit.heartbeat, rabbit.tls);
  const system = await declareQueues(connection, rabbit)
    .then(() => (options.ledger === undefined ? null : systemAt(config)))
    .finally(() => connection.close());
  const interrupt = new AbortController();
  process.once('SIGINT', () => interrupt.abort());
  process.once('SIGTERM', () => interrupt.abort());
  const startedAt = performance.now();
  const of = file === undefined ? ` of ${number(options.count ?? COUNT)}` : '';
  const progress = showProgress(({ done, seconds }) => {
    return `${number(done)}${of} confirmed, ${number(Math.round(done / seconds))} a second`;
  });
  const { confirmed, failed, reason } = await publishNoted(config, {
    messages,
    ledgerFile: options.ledger ?? null,
    system,
    name: 'despachante publish',
    onConfirmed: () => progress.step(),
    window: options.window,
    perSecond: options.rate ?? null,
    signal: interrupt.signal,
  }).finally(() => progress.end());

  const seconds = (performance.now() - startedAt) / 1000;
  const perSecond = Math.round(confirmed / seconds);
  const interrupted = interrupt.signal.aborted;
  const took = Number(seconds.toFixed(3));
  answer(
    command,
    { queue, confirmed, failed, reason, interrupted, seconds: took, perSecond },
    () =>
      `Published ${number(confirmed)} to "${queue}" at ${new URL(url).host} in ${seconds.toFixed(1)} s (${number(perSecond)} a second)` +
      (options.ledger === undefined ? '' : `, noted in ${options.ledger}`),
    options.ledger === undefined
      ? 'despachante status'
      : `despachante audit --published ${line(options.ledger)}`,
  );
  if (failed > 0) {
    throw new CommandError(
      `${number(failed)} sent and not confirmed, the first because: ${reason}. The rest was not sent. Publish again once that is mended: what is in the queue already will be dropped as a duplicate`,
      EXIT.unknown,
    );
  }
  if (interrupted) throw new CommandError('Interrupted: the rest was not sent');
}
