/** Lists that are run by schedules of Temporal's, and the process that runs them. */
import { hostname } from 'node:os';
import { Option, type Command } from 'commander';
import type { Client } from '@temporalio/client';
import type { EtlWhen } from '../domain/etl-order.ts';
import type { openEtlSchedules } from '../etl/run/records.ts';
import { withTemporal } from '../registrations/neighbours.ts';
import { maskText } from '../runtime/mask.ts';
import { duration } from './arguments.ts';
import { answer, load } from './context.ts';
import { examples, type Example } from './examples.ts';
import { CommandError, EXIT } from './exit.ts';
import { addService } from './service.ts';
import { line, table, when } from './table.ts';

interface Added {
  every?: number;
  cron?: string;
  timeZone: string;
  host: string;
}

const EACH_HOUR: Example = [
  'Each hour',
  'despachante etl schedule add prices --every 1h -- https://example.com/prices.json',
];
const EVERY_ONE: Example = ['Every schedule', 'despachante etl schedule list'];

export function addEtlSchedule(schedule: Command): void {
  schedule
    .description('have lists run again and again, on the machine where "etl serve" runs')
    .addHelpText('after', examples(EACH_HOUR, EVERY_ONE));
  schedule
    .command('add')
    .description('run a list again and again: give the command line of "despachante etl" behind --')
    .argument('<name>', 'of the schedule')
    .argument('[etl...]', 'the input and the options; paths are relative to this folder')
    .addOption(new Option('--every <duration>', 'such as 1h').argParser(duration).conflicts('cron'))
    .option('--cron <expression>', 'such as "0 6 * * *"')
    .option('--time-zone <name>', 'of --cron', 'UTC')
    .option('--host <name>', 'the machine that has its files', hostname())
    .addHelpText(
      'after',
      examples(EACH_HOUR, [
        'Each morning, where the list has changed',
        'despachante etl schedule add prices --cron "0 6 * * *" -- https://example.com/prices.json --if-changed',
      ]),
    )
    .action(add);
  schedule
    .command('list')
    .description('every schedule of a list, with its last and its next run')
    .addHelpText(
      'after',
      examples(EVERY_ONE, [
        'Names alone',
        "despachante etl schedule list --json | jq -r '.[].name'",
      ]),
    )
    .action(list);
  schedule
    .command('remove')
    .description('a run of it that has begun goes on')
    .argument('<name>', 'of the schedule')
    .addHelpText(
      'after',
      examples(
        ['No further runs of it', 'despachante etl schedule remove prices'],
        ['Find its name first', 'despachante etl schedule list'],
      ),
    )
    .action(remove);
}

async function add(name: string, args: string[], given: Added, command: Command): Promise<void> {
  const { every, cron, timeZone, host } = given;
  if (every === undefined && cron === undefined)
    throw new CommandError('Say when: --every 1h, or --cron "0 6 * * *"', EXIT.usage);
  if (args.some((arg) => /^(--[\w-]+=)?https?:\/\/[^/?#]*@/.test(arg)))
    throw new CommandError(
      'An address has a password in it, and the command line of a run is seen by every user of its machine: give INPUT_AUTHORIZATION or SEND_AUTHORIZATION to "etl serve" instead',
      EXIT.usage,
    );
  const at: EtlWhen = cron === undefined ? { everyMs: every ?? 0 } : { cron, timeZone };
  const { addEtlSchedule: make } = await import('../temporal/etl-schedules.ts');
  await withSchedules(command, 'writer', async ({ schedules, client, taskQueue }) => {
    if (!(await schedules.add({ name, host, when: at, args, folder: process.cwd() })))
      throw new CommandError(
        `There is a schedule ${line(name)} already: remove it first (despachante etl schedule remove ${line(name)})`,
        EXIT.usage,
      );
    // What Temporal does not take is nobody's.
    await make(client, taskQueue, { name, host, when: at }).catch(async (error: unknown) => {
      await schedules.remove(name);
      throw error;
    });
  });
  answer(
    command,
    { name, host },
    () => `${line(name)} is run on ${line(host)} from now on, where "despachante etl serve" runs`,
  );
}

async function list(_options: object, command: Command): Promise<void> {
  const { describeEtlSchedule } = await import('../temporal/etl-schedules.ts');
  const found = await withSchedules(command, 'reader', async ({ schedules, client, taskQueue }) =>
    Promise.all(
      (await schedules.list()).map(async ({ name, host, when: at, args }) => ({
        ...{ name, host, args: args.map(maskText) },
        when: 'cron' in at ? `${at.cron} (${at.timeZone})` : `each ${at.everyMs / 1_000} s`,
        state: await describeEtlSchedule(client, taskQueue, name),
      })),
    ),
  );
  answer(command, found, () =>
    found.length === 0
      ? 'There is no schedule: despachante etl schedule add'
      : table(
          ['schedule', 'host', 'when', 'last', 'next'],
          found.map(({ state, ...each }) => [
            ...[line(each.name), line(each.host), line(each.when)],
            state?.lastAt ? when(state.lastAt) : '–',
            state === null
              ? 'gone from Temporal'
              : state.isPaused
                ? 'paused'
                : state.nextAt === null
                  ? '–'
                  : when(state.nextAt),
          ]),
        ),
  );
}

async function remove(name: string, _options: object, command: Command): Promise<void> {
  const { removeEtlSchedule } = await import('../temporal/etl-schedules.ts');
  const isRemoved = await withSchedules(
    command,
    'writer',
    async ({ schedules, client, taskQueue }) => {
      await removeEtlSchedule(client, taskQueue, name);
      return schedules.remove(name);
    },
  );
  if (!isRemoved) throw new CommandError(`There is no schedule ${line(name)}`, EXIT.notFound);
  answer(command, { removed: name }, () => `The schedule ${line(name)} is removed`);
}

interface Open {
  schedules: ReturnType<typeof openEtlSchedules>;
  client: Client;
  taskQueue: string;
}

async function withSchedules<T>(
  command: Command,
  as: 'reader' | 'writer',
  work: (open: Open) => Promise<T>,
): Promise<T> {
  const { config } = load(command);
  const { taskQueue } = config.temporal;
  const { openDatabase } = await import('../mongo/own-database.ts');
  const { openEtlSchedules: openIn } = await import('../etl/run/records.ts');
  const mongo = await openDatabase(config, as);
  return withTemporal(config, (client) =>
    work({ schedules: openIn(mongo.own, config), client, taskQueue }),
  ).finally(() => mongo.close());
}

export function addEtlServe(command: Command): void {
  addService(command, 'tasks', async ({ config, log, unlessStopped }, given) => {
    const { serveEtl } = await import('../etl/run/serve.ts');
    const { host } = given.opts<{ host: string }>();
    const running = await unlessStopped(serveEtl({ config, host, log }));
    return {
      checks: () => ({ temporal: running.isReady() }),
      facts: { host },
      ended: running.ended,
      stop: () => running.stop(),
    };
  })
    .description('run the lists of schedules that are this machine\'s ("etl schedule")')
    .option('--host <name>', 'as the schedules call this machine', hostname())
    .addHelpText(
      'after',
      examples(
        ['Each list runs with the variables of this process', 'despachante etl serve'],
        [
          'In a container, whose name is another at each start',
          'despachante etl serve --host lists',
        ],
      ),
    );
}
