import type { Command } from 'commander';
import { GONE_AS } from '../claims/claims.ts';
import type { FailureState } from '../operations/failures.ts';
import { addBecause, oneOf, positive, timeOption, wholeNumber } from './arguments.ts';
import { dropFailures } from './drop.ts';
import { compare, groups, list } from './failure-list.ts';
import { addAsked, addFilters, addFrom } from './failure-selection.ts';
import { show } from './failure-show.ts';
import { redriveFailures } from './redrive.ts';
import { examples } from './examples.ts';

const COUNTS = `
The records are looked at and go back: for a quorum queue each look counts as a delivery (x-delivery-count). The one that
Despachante declares allows for a million; one declared otherwise allows for 20 on RabbitMQ 4, and then drops the record.`;

const KNOWN = `
From MongoDB: the failure queue is not touched. "failures compare" finds and notes the differences.`;

const TASKS = `
With --from its claims say which tasks of a worker have failed, and hold their messages until they are redriven or dropped. The
letters in the queue or topic for dead letters are copies: whoever handles one of them elsewhere drops the task here.`;

const STATES: readonly FailureState[] = ['waiting', ...GONE_AS];

export function addFailures(program: Command): void {
  const failures = program
    .command('failures')
    .addHelpText(
      'after',
      examples(
        ['Why registrations have failed, by class and reason', 'despachante failures list'],
        [
          'Look at a redrive of one class first',
          'despachante failures redrive --all --class timed-out --dry-run',
        ],
        ['Everything about one registration', 'despachante failures show reg-1'],
      ),
    );
  addFilters(failures.command('list'))
    .description('the failures by class and reason, with counts; or each of them, oldest first')
    .option('--each', 'single ones, the first 100; --limit <n> means it too')
    .option(
      '--state <state>',
      `where the record is, as far as is known: ${STATES.join(', ')} (by others: registrations alone)`,
      oneOf<FailureState>(STATES),
      'waiting',
    )
    .addHelpText(
      'after',
      `${KNOWN}
${TASKS}
${examples(
  ['By class and reason, with counts', 'despachante failures list'],
  ['The failed tasks of a worker', 'despachante failures list --from EmailWorker'],
  [
    'Those of the last two hours whose reason names a CPF',
    'despachante failures list --reason "CPF" --newer-than 2h',
  ],
  [
    'Each one whose reason matches a pattern',
    'despachante failures list --reason "/^(timeout|HTTP 5..)/i" --each',
  ],
)}`,
    )
    .action(list);
  addFrom(failures.command('show'))
    .description('everything about the failures of one registration or task')
    .argument('<id>', 'registration id, message id of a task, or name of the record')
    .option('--body', 'the records themselves, with headers and message, which holds personal data')
    .addHelpText(
      'after',
      `${KNOWN}
With --body the failure queue is looked through; of a task its claim has the message.
${COUNTS}
${examples(
  ['One registration', 'despachante failures show reg-1'],
  ['A task, with its message', 'despachante failures show mail-1 --from EmailWorker --body'],
)}`,
    )
    .action(show);
  addFrom(failures.command('groups'))
    .description('how many failures there are of each kind, whatever numbers and ids they tell of')
    .addHelpText(
      'after',
      `
From MongoDB: a record that others take from the queue counts as waiting until "failures compare".
${examples(
  ['Of registrations', 'despachante failures groups'],
  ['Of the tasks of a worker', 'despachante failures groups --from EmailWorker'],
)}`,
    )
    .action(groups);
  addBecause(failures.command('compare'))
    .description('compare the failure queue with the claims in MongoDB')
    .addHelpText(
      'after',
      `
A record that is missing in the queue is noted as taken by others; one that is there again, as waiting. A redrive that runs
holds records, and they look missing: compare again afterwards. Exit code 3 when something differs.
${COUNTS}
${examples(
  ['Compare, and write down what differs', 'despachante failures compare'],
  [
    'Say in the list of actions why',
    'despachante failures compare --because "another team took records by hand"',
  ],
)}`,
    )
    .action(compare);
  addAsked(failures.command('redrive'), 'redriven')
    .description('have failures done again: registrations by the intake queue, tasks by a new run')
    .option('--detach', 'begin it, and do not wait for its end')
    .option('--rate <n>', 'at most so many a second', positive)
    .option(
      '--canary <n>',
      'so many first; the others only if all of those are registered or, with --from, done',
      wholeNumber(1, 1_000),
    )
    .addOption(
      timeOption('--canary-timeout <time>', 'how long their outcomes are waited for', '5m'),
    )
    .option(
      '--max-redrives <n>',
      'leave those that were redriven so often already',
      wholeNumber(1),
      3,
    )
    .addHelpText(
      'after',
      `
Each is published to the intake queue with the headers of its failure, and only once that is confirmed taken out of the
failure queue. The claims in MongoDB then decide: a registration that the legacy system has failed or refused is filed
anew; one that it still has is asked for again; one in doubt stays so. A second copy is dropped as a duplicate. Where the claim has
expired (mongodb.retention) and it may be filed, the record stays where it is, and is told of, unless it is named.

A worker does it, as a workflow, one at a time for a failure queue: it goes on when this command is gone (Ctrl-C), and when the
worker was killed. "despachante redrive status" tells how it goes, "despachante redrive stop" ends it.

More than one that is not named needs a yes, on the terminal or by --yes. The others wait in the
failure queue meanwhile, out of everybody's sight, and go back in their order in the end; each look counts, see "list".

With --from a process that runs the worker does it. The tasks go to a new run, never to the source, which others may read, and count their
attempts anew. Their letters are taken out of a queue for dead letters; a topic keeps its letters, and nothing reads them again.
${examples(
  ['Look first', 'despachante failures redrive --class rejected --reason "CPF" --dry-run'],
  [
    'Ten first, the others at 50 a second if those are registered',
    'despachante failures redrive --class rejected --canary 10 --rate 50 --yes',
  ],
  ['Two registrations', 'despachante failures redrive reg-1 reg-2'],
  [
    'Failed tasks of a worker',
    'despachante failures redrive --from EmailWorker --class exhausted --canary 5 --yes',
  ],
)}`,
    )
    .action(redriveFailures);
  addAsked(failures.command('drop'), 'dropped')
    .option('--workers <path...>', 'with --from: folders, files or globs of workers (tasks.folder)')
    .option('--queues <file>', 'with --from: the file of queues (queues.yaml, where it is there)')
    .description('take failures out of the failure queue for good; have tasks wait no longer')
    .addHelpText(
      'after',
      `
A dropped record is gone, with the only copy of its message. The claim in MongoDB keeps how it ended and that its record was
dropped, and the audit says so. More than one needs a yes, on the terminal or by --yes.

With --from the claims let the messages go. The letters are taken out of a queue for dead letters, where the file of the worker is here and
tells which; a topic keeps them.
${examples(
  ['Look first', 'despachante failures drop --class malformed --older-than 30d --dry-run'],
  [
    'All of them, without a question',
    'despachante failures drop --class malformed --older-than 30d --yes',
  ],
  ['One task', 'despachante failures drop --from EmailWorker mail-1'],
)}`,
    )
    .action(dropFailures);
}
