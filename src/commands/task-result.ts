import type { Command } from 'commander';
import { openResultReader } from '../operations/task-result.ts';
import { silent } from '../runtime/log.ts';
import type { TaskResult } from '../workers/result.ts';
import { timeOption } from './arguments.ts';
import { answer, load } from './context.ts';
import { CommandError, EXIT } from './exit.ts';
import { line, when } from './table.ts';
import { examples } from './examples.ts';

export function addTaskResult(command: Command): void {
  command
    .description('the attempts of a task, its end, its result')
    .argument('<worker>', 'its name')
    .argument('<id>', 'the message id')
    .addOption(timeOption('--wait <time>', 'wait so long for its end', '0s'))
    .addHelpText(
      'after',
      `
Exit code 3 when it has failed, 4 when there is no such task.
${examples(
  ['How it stands now', 'despachante tasks result EmailWorker mail-1'],
  ['Wait for its end', 'despachante tasks result EmailWorker mail-1 --wait 10s'],
  ['Only its result', 'despachante tasks result EmailWorker mail-1 --json | jq .result'],
)}`,
    )
    .action(result);
}

async function result(
  worker: string,
  id: string,
  { wait }: { wait: number },
  command: Command,
): Promise<void> {
  const reader = openResultReader(load(command).config, silent);
  const found = await reader.read(worker, id, wait).finally(() => reader.close());
  if (found === null)
    throw new CommandError(`No task of ${worker} has the id ${id}`, EXIT.notFound);
  answer(command, found, () => textOf(found));
  if (found.status === 'failed') process.exitCode = EXIT.found;
}

function textOf({ worker, id, status, attempts, error, result: value, finishedAt }: TaskResult) {
  const lines = [`${line(worker)} ${line(id)}: ${status}, ${attempts} attempts`];
  if (finishedAt !== null) lines.push(`last attempt ended ${when(finishedAt)}`);
  if (error !== null) lines.push(`${error.failure}: ${line(error.class)}: ${line(error.reason)}`);
  if (value !== undefined) lines.push(`result: ${line(JSON.stringify(value))}`);
  return lines.join('\n');
}
