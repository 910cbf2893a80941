/** Commands for workers: run them, list them, send to one, ask for a result. */
import type { Command } from 'commander';
import { addTaskDev } from './task-dev.ts';
import { addTaskResult } from './task-result.ts';
import { addTaskRun } from './task-run.ts';
import { addTaskSetup } from './task-setup.ts';
import { addTaskList, addTaskSend } from './task-send.ts';
import { examples } from './examples.ts';

export function addTasks(program: Command): void {
  const tasks = program
    .command('tasks')
    .addHelpText(
      'after',
      examples(
        ['Run all workers of the folder', 'despachante tasks run --all'],
        [
          'Send a message to one of them',
          'despachante tasks send EmailWorker mail.json --id mail-1',
        ],
        ['Ask for its result', 'despachante tasks result EmailWorker mail-1 --wait 10s'],
      ),
    );
  addTaskRun(tasks.command('run'));
  addTaskDev(tasks.command('dev'));
  addTaskList(tasks.command('list'));
  addTaskSend(tasks.command('send'));
  addTaskResult(tasks.command('result'));
  addTaskSetup(tasks.command('setup'));
}

/** The words of the framework that users come from: `kafka worker EmailWorker`. */
export function addKafka(program: Command): void {
  const kafka = program
    .command('kafka')
    .addHelpText(
      'after',
      examples(
        ['One worker', 'despachante kafka worker EmailWorker'],
        ['The same in our own words', 'despachante tasks run EmailWorker'],
      ),
    );
  addTaskRun(kafka.command('worker'));
}
