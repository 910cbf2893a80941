import { setTimeout as delay } from 'node:timers/promises';
import type { Command } from 'commander';
import { resultOf, type TaskStory } from '../operations/task-result.ts';
import { duration } from './arguments.ts';
import { CommandError, EXIT, answer, load } from './context.ts';
import { line, when } from './table.ts';

export function addTaskResult(command: Command): void {
  command
    .description('what became of a task: its attempts, its end, its result')
    .argument('<worker>', 'its name')
    .argument('<id>', 'the message id')
    .option('--wait <time>', 'wait so long for its end', duration, 0)
    .addHelpText(
      'after',
      `
Exit code 3 when it has failed, 4 when there is no such task.

Example: despachante tasks result EmailWorker mail-1 --wait 10s`,
    )
    .action(result);
}

/** Between two looks at MongoDB, ms. */
const LOOK_MS = 200;

async function result(
  worker: string,
  id: string,
  { wait }: { wait: number },
  command: Command,
): Promise<void> {
  const { config } = load(command);
  const story = await resultOf(config, worker, id, async (look) => {
    const until = performance.now() + wait;
    for (;;) {
      const found = await look();
      if (found !== null && found.state !== 'open') return found;
      if (performance.now() >= until) return found;
      await delay(LOOK_MS);
    }
  });
  if (story === null)
    throw new CommandError(`No task of ${worker} has the id ${id}`, EXIT.notFound);
  answer(command, story, () => textOf(story));
  if (story.state === 'failed') process.exitCode = EXIT.found;
}

function textOf({
  worker,
  id,
  state,
  attempts,
  error,
  outcome,
  result: value,
  settledAt,
}: TaskStory) {
  const lines = [`${line(worker)} ${line(id)}: ${outcome ?? state}, ${attempts} attempts`];
  if (settledAt !== null) lines.push(`settled ${when(settledAt)}`);
  if (error !== null) lines.push(`last failure: ${line(`${error.class}: ${error.reason}`)}`);
  if (value !== undefined) lines.push(`result: ${line(JSON.stringify(value))}`);
  return lines.join('\n');
}
