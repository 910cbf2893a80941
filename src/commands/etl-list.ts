import type { Command } from 'commander';
import { openEtlRuns, type EtlRun } from '../etl/run/records.ts';
import { openDatabase } from '../mongo/own-database.ts';
import { wholeNumber } from './arguments.ts';
import { answer, load } from './context.ts';
import { CommandError, EXIT } from './exit.ts';
import { failedIn } from './etl-text.ts';
import { columns, line, number, table, when } from './table.ts';
import { examples } from './examples.ts';

export function addEtlList(command: Command): void {
  command
    .description('the last runs, of all hosts')
    .option('--limit <n>', 'so many at most', wholeNumber(1, 1_000), 20)
    .addHelpText(
      'after',
      examples(
        ['The last 20 runs', 'despachante etl list'],
        [
          'Those that are not finished',
          'despachante etl list --json | jq \'.[] | select(.state != "done")\'',
        ],
      ),
    )
    .action(async ({ limit }: { limit: number }, self: Command) => {
      const runs = await withRuns(self, (each) => each.list(limit));
      answer(self, runs, () =>
        runs.length === 0
          ? 'There was no run yet: despachante etl <input>'
          : table(
              ['run', 'state', 'processed', 'failed', 'of', 'seen', 'input'],
              runs.map((run) => [
                ...[run._id, run.state, number(run.counts.processed), number(failedIn(run.counts))],
                ...[number(run.items), when(run.seenAt), line(run.input)],
              ]),
            ),
      );
    });
}

export function addEtlShow(command: Command): void {
  command
    .description('one run: how its elements have ended, and where its files are')
    .argument('<run>', 'as "etl list" has it')
    .addHelpText(
      'after',
      examples(
        ['One run', 'despachante etl show 20250309-140731-4f1c2a'],
        ['Its counts', 'despachante etl show 20250309-140731-4f1c2a --json | jq .counts'],
      ),
    )
    .action(async (id: string, _options: object, self: Command) => {
      const run = await withRuns(self, (each) => each.find(id));
      if (run === null) throw new CommandError(`There is no run ${line(id)}`, EXIT.notFound);
      answer(self, run, () => textOf(run));
    });
}

function textOf({ _id, state, input, output, host, items, counts, startedAt, seenAt }: EtlRun) {
  return columns([
    ...[
      ['run', _id],
      ['state', state === 'silent' ? SILENT : state],
      ['input', line(input)],
    ],
    ...[
      ['output', `${line(output)} on ${line(host)}`],
      ['elements', number(items)],
    ],
    ['processed', number(counts.processed)],
    ...Object.entries(counts.failed).map(([own, count]) => [line(own), number(count)]),
    ...[
      ['attempts', number(counts.attempts)],
      ['started', when(startedAt)],
    ],
    ['last seen', when(seenAt)],
  ]);
}

const SILENT = 'silent: killed, or without MongoDB. Begin it again, and it goes on';

async function withRuns<T>(
  command: Command,
  work: (runs: ReturnType<typeof openEtlRuns>) => Promise<T>,
): Promise<T> {
  const mongo = await openDatabase(load(command).config, 'reader');
  return work(openEtlRuns(mongo.own)).finally(() => mongo.close());
}
