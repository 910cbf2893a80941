/** Commands for workers: run them, list them, send to one, ask for a result. */
import type { Command } from 'commander';
import { addTaskDev } from './task-dev.ts';
import { addTaskResult } from './task-result.ts';
import { addTaskRun } from './task-run.ts';
import { addTaskSetup } from './task-setup.ts';
import { addTaskList, addTaskSend } from './task-send.ts';

export function addTasks(program: Command): void {
  const tasks = program
    .command('tasks')
    .description(
      'run workers, list them, make their queues and topics, send them messages, and ask what became of those',
    )
    .addHelpText('after', '\nExample: despachante tasks run --all');
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
    .description('"kafka worker" is another word for "tasks run"');
  addTaskRun(kafka.command('worker'));
}
