import { readFile } from 'node:fs/promises';
import { text as textOf } from 'node:stream/consumers';
import type { Command } from 'commander';
import { readSending, sendTask } from '../operations/send-task.ts';
import { silent } from '../runtime/log.ts';
import { openPublishers } from '../tasks/publishers.ts';
import { APART, placeOf, sharedSources } from '../tasks/runnable.ts';
import { readQueues } from '../config/queues.ts';
import { duration } from './arguments.ts';
import { answer, load } from './context.ts';
import { CommandError, EXIT } from './exit.ts';
import { openPublishedLedger } from '../audit/published-ledger.ts';
import { line, table } from './table.ts';
import { findWorker } from '../workers/choose.ts';
import { foldersOf, load as loadWorkers, told, type Folders } from './worker-choice.ts';
import { examples } from './examples.ts';

export function addTaskList(command: Command): void {
  command
    .description('the workers of the folder: where they take from, and where they publish')
    .option('--workers <path...>', 'folders, files or globs of workers (tasks.folder)')
    .option('--skip-broken', 'leave out files that cannot be loaded')
    .option('--queues <file>', 'the file of queues (queues.yaml, where it is there)')
    .addHelpText(
      'after',
      examples(
        ['The workers of the folder', 'despachante tasks list'],
        ['Of other files', 'despachante tasks list --workers "src/**/*.worker.ts"'],
        ['Only their names', 'despachante tasks list --json | jq -r ".workers[].name"'],
      ),
    )
    .action(list);
}

async function list(options: Folders, command: Command): Promise<void> {
  const { config } = load(command);
  const { found, broken } = await loadWorkers(foldersOf(options, config));
  const queues = readQueues(options.queues);
  const shared = sharedSources(found, config, queues);
  if (shared.length > 0) throw new CommandError(`${shared.join('\n')}\n${APART}`, EXIT.usage);
  const workers = found.map(({ worker, file }) => {
    const { from, deadLetters } = placeOf(worker, config, queues);
    return { name: worker.name, from, to: worker.to, deadLetters, file };
  });
  answer(command, { workers, broken }, () =>
    workers.length === 0
      ? 'No worker is there: a file of the folder exports defineWorker({...}), see docs/how-to/write-a-worker.md'
      : table(
          ['worker', 'takes from', 'publishes to', 'dead letters', 'file'],
          workers.map((each) => [
            each.name,
            `${each.from.broker} ${each.from.name}`,
            each.to === null ? '' : `${each.to.broker} ${each.to.name}`,
            each.deadLetters?.name ?? '',
            each.file,
          ]),
        ),
  );
}

export function addTaskSend(command: Command): void {
  command
    .description('send one message to a worker, confirmed by the broker')
    .argument('<worker>', 'its name')
    .argument('[file]', 'JSON; - is standard input', '-')
    .option('--id <id>', 'the message id: two messages under one id are handled once')
    .option(
      '--key <key>',
      'decides the order, where the worker keeps one, and on Kafka the partition',
    )
    .option('--delay <time>', 'its handler is not called before', duration)
    .option('--ledger <file>', 'note the confirmed messages, for "audit --worker"')
    .option('--workers <path...>', 'folders, files or globs of workers (tasks.folder)')
    .option('--queues <file>', 'the file of queues (queues.yaml, where it is there)')
    .addHelpText(
      'after',
      `
A message that the worker's schema refuses is not sent.
${examples(
  [
    'From a file, under an id of your own',
    'despachante tasks send EmailWorker mail.json --id mail-1',
  ],
  [
    'From standard input, not to be handled for an hour',
    'echo \'{"to":"ana@example.com"}\' | despachante tasks send EmailWorker --delay 1h',
  ],
  [
    'With the key that decides the order',
    'despachante tasks send EmailWorker mail.json --key ana@example.com',
  ],
)}`,
    )
    .action(send);
}

async function send(
  name: string,
  file: string,
  options: Folders & { id?: string; key?: string; delay?: number; ledger?: string },
  command: Command,
): Promise<void> {
  const { config } = load(command);
  const { found } = await loadWorkers(foldersOf(options, config));
  const { worker } = await told(() => findWorker(name, found));
  const body = file === '-' ? await textOf(process.stdin) : await readFile(file, 'utf8');
  const queues = readQueues(options.queues);
  const { id = null, key = null, delay, ledger } = options;
  const notBefore = delay === undefined ? undefined : Date.now() + delay;
  const sending = { body: Buffer.from(body.trim()), id, key, notBefore };
  const read = await readSending(config, queues, worker, sending);
  if (!read.ok) throw new CommandError(`Nothing was sent: ${read.reason}`, EXIT.usage);
  const noted = ledger === undefined ? null : await openPublishedLedger(ledger);
  const publishers = openPublishers(config, queues, silent);
  await sendTask(publishers, config, queues, worker, read.message).finally(() =>
    publishers.close(),
  );
  noted?.add({ id: read.message.messageId, body: sending.body });
  await noted?.close();
  const sent = { worker: name, to: read.message.to.name, id: read.message.messageId };
  const next = `despachante tasks result ${line(name)} ${line(sent.id)} --wait 10s`;
  answer(command, sent, () => `Sent ${line(sent.id)} to ${line(sent.to)}`, next);
}
