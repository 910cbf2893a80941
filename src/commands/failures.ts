import type { Command } from 'commander';
import type { Config } from '../config/schema.ts';
import { HEADER } from '../domain/names.ts';
import type { FailureMessage } from '../broker/rabbitmq/dead-letter-queue.ts';
import { headerValues } from '../broker/rabbitmq/header-values.ts';
import type { KnownProperties } from '../broker/rabbitmq/message.ts';
import { duration, positive, wholeNumber } from './arguments.ts';
import { globals, load, print, printJson } from './context.ts';
import { drop } from './drop.ts';
import { list } from './failure-list.ts';
import { isMeant, shownId, shownText, withFailures } from '../operations/failure-queue.ts';
import { addFilters, notFound } from './failure-selection.ts';
import { lateResults, lateText } from './late-text.ts';
import { redriveFailures } from './redrive.ts';
import { columns, line, paint } from './table.ts';

const COUNTS = `
The records are looked at and go back: for a quorum queue each look counts as a delivery (x-delivery-count). The one that
Despachante declares allows for a million; one declared otherwise allows for 20 on RabbitMQ 4, and drops what had more.`;

const ID = 'registration ids, or names of records';

export function addFailures(program: Command): void {
  const failures = program
    .command('failures')
    .description('look at the failure queue, send failures in again, or drop them')
    .addHelpText('after', '\nExample: despachante failures list');
  addFilters(failures.command('list'))
    .description('the failures by class and reason, with counts; or each of them, oldest first')
    .option('--each', 'single records, the first 100; --limit <n> means it too')
    .addHelpText(
      'after',
      `${COUNTS}

Example: despachante failures list
         despachante failures list --class rejected --limit 20
         despachante failures list --reason "CPF" --older-than 2h
         despachante failures list --reason "/^(timeout|HTTP 5..)/i" --each`,
    )
    .action(list);
  failures
    .command('show')
    .description('everything about the failures of one registration')
    .argument('<id>', 'registration id, or name of the record')
    .option('--body', 'with the message itself, which holds personal data')
    .addHelpText('after', `${COUNTS}\n\nExample: despachante failures show reg-1`)
    .action((id: string, options: { body?: boolean }, command: Command) =>
      show(id, options, command),
    );
  addFilters(
    failures
      .command('redrive')
      .description('send failures to the intake queue again')
      .argument('[id...]', ID)
      .option('--all', 'all that match, without asking'),
  )
    .option('--yes', 'do not ask, however many match')
    .option('--dry-run', 'say what would be redriven, and change nothing')
    .option('--rate <n>', 'at most so many a second', positive)
    .option(
      '--canary <n>',
      'so many first; the others only if all of those are registered',
      wholeNumber(1, 10_000),
    )
    .option('--canary-timeout <time>', 'how long their outcomes are waited for', duration, 300_000)
    .option(
      '--max-redrives <n>',
      'leave what was redriven so often already (x-despachante-generation)',
      wholeNumber(1),
      3,
    )
    .addHelpText(
      'after',
      `
Each is published to the intake queue with the headers of its failure, and only once that is confirmed taken out of the
failure queue. What then happens is decided by the records in MongoDB: what the legacy system had failed or refused is
filed anew, what it still had is asked for again, what is in doubt stays so. Killed in the middle, nothing is lost: run it
again, and what was sent twice is dropped as a duplicate.

More than one that is neither named nor meant by --all needs a yes, on the terminal or by --yes. The others wait in the
failure queue meanwhile, out of everybody's sight, and go back in their order in the end; each look counts, see "list".

Example: despachante failures redrive --all --class timed-out
         despachante failures redrive reg-1 reg-2
         despachante failures redrive --class rejected --reason "CPF" --dry-run
         despachante failures redrive --class rejected --canary 10 --rate 50 --yes`,
    )
    .action(redriveFailures);
  addFilters(
    failures
      .command('drop')
      .description('take failures out of the failure queue for good')
      .argument('[id...]', ID)
      .option('--all', 'all that match'),
  )
    .option('--yes', 'do not ask, however many match')
    .option('--dry-run', 'say what would be dropped, and change nothing')
    .addHelpText(
      'after',
      `
What is dropped is gone, with the only copy of its message: the claim in MongoDB keeps how it ended, not the message, and that
its record was dropped, which the audit tells. More than one needs a yes, on the terminal or by --yes.

Example: despachante failures drop --class malformed --older-than 30d --dry-run
         despachante failures drop --class malformed --older-than 30d --yes`,
    )
    .action(drop);
}

async function show(id: string, { body: withBody }: { body?: boolean }, command: Command) {
  const { config } = load(command);
  const found = await withFailures(config, async (queue) => {
    const records = [];
    for await (const failure of queue.messages()) {
      if (isMeant(failure, id, config)) records.push(failure);
    }
    return records;
  });
  if (found.length === 0) throw notFound([id]);
  const late = await lateResults(found, config);
  const all = found.map((failure) => ({
    ...details(failure, config, withBody === true),
    late: late.get(failure.claim ?? '') ?? null,
  }));
  if (globals(command).json === true) return printJson(all);
  for (const { headers, properties, body, late: result, ...facts } of all) {
    const rows = Object.entries({ ...facts, ...properties, ...headers });
    if (result !== null) print(lateText(result));
    print(columns(rows.map(([name, value]) => [paint.bold(name), shown(value)])));
    if (body !== null) print(`\n${body}`);
    print('');
  }
}

function details(failure: FailureMessage, config: Config, withBody: boolean) {
  const properties: Partial<KnownProperties> = { ...failure.properties };
  delete properties.headers;
  const { messageId } = failure;
  const headers = headerValues(failure.message.properties.headers);
  // Whoever has it can redrive the record.
  delete headers[HEADER.token];
  const item = headers[HEADER.item];
  if (typeof item === 'string') headers[HEADER.item] = shownText(failure, item, config);
  const text = failure.body.toString('utf8');
  const isText = Buffer.from(text).equals(failure.body);
  return {
    registration: shownId(failure, config),
    record: shownText(failure, failure.name, config),
    properties: {
      ...properties,
      ...(messageId === null ? {} : { messageId: shownText(failure, messageId, config) }),
    },
    headers,
    returns: failure.returns,
    bytes: failure.body.length,
    // What is no text would not survive as one.
    encoding: isText ? 'utf8' : 'base64',
    body: !withBody ? null : isText ? text : failure.body.toString('base64'),
  };
}

const shown = (value: unknown): string =>
  line(typeof value === 'string' ? value : (JSON.stringify(value) ?? '–'));
