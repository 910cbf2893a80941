import type { Command } from 'commander';
import type { Config } from '../config-schema.ts';
import { OUTCOMES, isFailure } from '../domain/outcome.ts';
import type { FailureClass } from '../domain/outcome.ts';
import type { FailureMessage } from '../failure-queue.ts';
import { labelOf } from '../label.ts';
import { oneOf, wholeNumber } from './arguments.ts';
import { globals, load, print, printJson } from './context.ts';
import { isMeant, notFound, shownId, withFailures } from './failure-selection.ts';
import type { Selection } from './failure-selection.ts';
import { redrive } from './redrive.ts';
import { columns, line, number, paint, when } from './table.ts';

const classes = OUTCOMES.filter(isFailure);
const readClass = oneOf<FailureClass>(classes);
const CLASS = ['--class <class>', `only this class: ${classes.join(', ')}`] as const;

const COUNTS = `
The records are looked at and go back: for a quorum queue each look counts as a delivery (x-delivery-count). The one that
Despachante declares allows for a million; one declared otherwise allows for 20 on RabbitMQ 4, and drops what had more.`;

export function addFailures(program: Command): void {
  const failures = program
    .command('failures')
    .description('look at the failure queue, and send failures in again')
    .addHelpText('after', '\nExample: despachante failures list');
  failures
    .command('list')
    .description('the failures, oldest first')
    .option('--limit <n>', 'at most so many', wholeNumber(1), 100)
    .option(...CLASS, readClass)
    .addHelpText(
      'after',
      `${COUNTS}\n\nExample: despachante failures list --class rejected --limit 20`,
    )
    .action((options: Selection & { limit: number }, command: Command) => list(options, command));
  failures
    .command('show')
    .description('everything about the failures of one registration')
    .argument('<id>', 'registration id, or messageId of the record')
    .option('--body', 'with the message itself, which holds personal data')
    .addHelpText('after', `${COUNTS}\n\nExample: despachante failures show reg-1`)
    .action((id: string, options: { body?: boolean }, command: Command) =>
      show(id, options, command),
    );
  failures
    .command('redrive')
    .description('send failures to the intake queue again')
    .argument('[id]', 'registration id, or messageId of the record')
    .option('--all', 'all of them')
    .option(...CLASS, readClass)
    .option('--limit <n>', 'at most so many', wholeNumber(1))
    .addHelpText(
      'after',
      `
Each is published to the intake queue with the headers of its failure, and only once that is confirmed taken out of the
failure queue. What then happens is decided by the records in MongoDB: what the legacy system had failed or refused is
filed anew, what it still had is asked for again, what is in doubt stays so.

Example: despachante failures redrive --all --class timed-out`,
    )
    .action((id: string | undefined, options: Selection & { all?: boolean }, command: Command) =>
      redrive(id, options, command),
    );
}

async function list({ class: only, limit }: Selection & { limit: number }, command: Command) {
  const { config } = load(command);
  const found = await withFailures(config, async (queue) => {
    const failures: ReturnType<typeof summary>[] = [];
    let returns = 0;
    for await (const failure of queue.messages()) {
      returns = Math.max(returns, failure.returns);
      if (only !== undefined && failure.failureClass !== only) continue;
      failures.push(summary(failure, config));
      if (failures.length === limit) break;
    }
    return { waiting: queue.depth, returns, failures };
  });
  if (globals(command).json === true) return printJson(found);
  const { waiting, returns, failures } = found;
  if (failures.length === 0) {
    const others =
      only === undefined
        ? `${number(waiting)} failures wait, and somebody else is looking at them: try again`
        : `None of ${number(waiting)} failures is "${only}"`;
    print(waiting === 0 ? 'The failure queue is empty' : others);
  } else {
    const head = ['registration', 'class', 'at', 'attempts', 'redriven', 'request', 'reason'];
    const rows = failures.map((each) => [
      line(each.id ?? each.messageId ?? '–'),
      each.class ?? '–',
      when(each.at),
      String(each.attempts ?? '–'),
      String(each.redrive ?? '–'),
      line(each.requestId ?? '–'),
      line(each.reason ?? '–').slice(0, 80),
    ]);
    print(columns([head.map((cell) => paint.bold(cell)), ...rows]));
    if (failures.length < waiting)
      print(paint.dim(`${number(failures.length)} of ${number(waiting)} in the queue`));
  }
  // 20 is what a quorum queue of RabbitMQ 4 allows for when nobody said otherwise; then it drops.
  if (returns >= 10) {
    print(
      paint.yellow(
        `Some were handed out ${returns} times: "despachante doctor" tells what the queue allows for`,
      ),
    );
  }
}

async function show(id: string, { body: withBody }: { body?: boolean }, command: Command) {
  const { config } = load(command);
  const found = await withFailures(config, async (queue) => {
    const records = [];
    for await (const failure of queue.messages()) {
      if (isMeant(failure, id, config)) records.push(details(failure, config, withBody === true));
    }
    return records;
  });
  if (found.length === 0) throw notFound(id);
  if (globals(command).json === true) return printJson(found);
  for (const { headers, properties, body, ...facts } of found) {
    const rows = Object.entries({ ...facts, ...properties, ...headers });
    print(columns(rows.map(([name, value]) => [paint.bold(name), shown(value)])));
    if (body !== null) print(`\n${body.replace(/[^\P{Cc}\n\t]/gu, ' ')}`);
    print('');
  }
}

const summary = (failure: FailureMessage, config: Config) => ({
  id: shownId(failure, config),
  class: failure.failureClass,
  reason: failure.reason,
  at: failure.at,
  attempts: failure.attempts,
  redrive: failure.redrive,
  requestId: failure.requestId,
  messageId: messageIdOf(failure, config),
});

/** The messageId begins with the id itself. */
const messageIdOf = ({ id, messageId }: FailureMessage, config: Config): string | null =>
  id === null ? messageId : (messageId?.replaceAll(id, labelOf(id, config)) ?? null);

function details(failure: FailureMessage, config: Config, withBody: boolean) {
  const { headers, ...properties } = failure.properties;
  const text = failure.body.toString('utf8');
  const isText = Buffer.from(text).equals(failure.body);
  return {
    registration: shownId(failure, config),
    properties: { ...properties, messageId: messageIdOf(failure, config) },
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
