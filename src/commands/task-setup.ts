import type { Command } from 'commander';
import { readQueues } from '../config/queues.ts';
import { setUpTasks } from '../operations/send-task.ts';
import { wholeNumber } from './arguments.ts';
import { answer, load } from './context.ts';
import { table } from './table.ts';
import { chosen, foldersOf, type Folders } from './worker-choice.ts';
import { examples } from './examples.ts';

interface SetUpOptions extends Folders {
  all?: boolean;
  partitions?: number;
  replicas?: number;
}

export function addTaskSetup(command: Command): void {
  command
    .description('make the queues and topics of workers, where they do not exist')
    .argument('[workers...]', 'names of workers')
    .option('--all', 'of every worker of the folder')
    .option('--workers <path...>', 'folders, files or globs of workers (tasks.folder)')
    .option('--queues <file>', 'the file of queues (queues.yaml, where it is there)')
    .option('--partitions <n>', 'of a new topic (the brokers’ own default)', wholeNumber(1, 10_000))
    .option('--replicas <n>', 'of a new topic (the brokers’ own default)', wholeNumber(1, 100))
    .addHelpText(
      'after',
      `
Topics are made by this command alone, never by accident. Those that exist stay as they are.
${examples(
  [
    'Everything that the workers of the folder need',
    'despachante tasks setup --all --partitions 8',
  ],
  [
    'One worker, on a cluster of three brokers',
    'despachante tasks setup EmailWorker --partitions 12 --replicas 3',
  ],
)}`,
    )
    .action(setUp);
}

async function setUp(names: string[], options: SetUpOptions, command: Command): Promise<void> {
  const { config } = load(command);
  const found = await chosen(names, options.all === true, foldersOf(options, config));
  const made = await setUpTasks(
    config,
    readQueues(options.queues),
    found.map(({ worker }) => worker),
    { partitions: options.partitions ?? -1, replicationFactor: options.replicas ?? -1 },
  );
  answer(
    command,
    { made },
    () =>
      table(
        ['broker', 'name', ''],
        made.map(({ broker, name, was }) => [broker, name, was]),
      ),
    'despachante tasks run --all',
  );
}
