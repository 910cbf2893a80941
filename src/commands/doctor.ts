import type { Command } from 'commander';
import type { LoadedConfig } from '../config/load.ts';
import { diagnoseControl } from '../doctor/control.ts';
import { diagnoseLegacy } from '../doctor/legacy.ts';
import { diagnoseMongo } from '../doctor/mongo.ts';
import { diagnoseRabbit } from '../doctor/rabbitmq.ts';
import { diagnoseTemporal } from '../doctor/temporal.ts';
import { encryptionFacts } from '../temporal/keys.ts';
import { unwell, warning, well, why, type Diagnosis } from '../doctor/diagnosis.ts';
import { within } from '../runtime/retry.ts';
import { existsSync } from 'node:fs';
import { readQueues } from '../config/queues.ts';
import { diagnoseWorker } from '../operations/worker-doctor.ts';
import { APART, sharedSources } from '../tasks/runnable.ts';
import { foldersOf, load as loadWorkers, type Folders } from './worker-choice.ts';
import { answer, load } from './context.ts';
import { EXIT } from './exit.ts';
import { columns, line, paint } from './table.ts';
import { examples } from './examples.ts';

export function addDoctor(program: Command): void {
  program
    .command('doctor')
    .option('--workers <path...>', 'folders, files or globs of workers (tasks.folder)')
    .option('--queues <file>', 'the file of queues (queues.yaml, where it is there)')
    .addHelpText(
      'after',
      `
Writes nothing but one document to a collection of Despachante's own, which it removes. Exit code 3 when something is
not well; warnings alone are no such thing. Where there are files of workers, their queues and topics are looked at, too.
${examples(
  ['Everything that this system needs', 'despachante doctor'],
  ['The workers of another folder, too', 'despachante doctor --workers src/workers'],
  [
    'Only the checks that failed',
    'despachante doctor --json | jq \'.patients[].found[] | select(.state == "unwell")\'',
  ],
)}`,
    )
    .action(async (options: Folders, command: Command) => {
      const loaded = load(command);
      const patients = [...(await examine(loaded)), ...(await examineWorkers(loaded, options))];
      const isWell = patients.every(({ found }) => found.every(({ state }) => state !== 'unwell'));
      const next = isWell ? 'despachante status' : 'despachante doctor';
      answer(command, { well: isWell, patients }, () => patients.map(text).join('\n'), next);
      if (!isWell) process.exitCode = EXIT.found;
    });
}

interface Patient {
  name: string;
  found: Diagnosis[];
}

async function examine(loaded: LoadedConfig): Promise<Patient[]> {
  const { config } = loaded;
  const examined = {
    RabbitMQ: diagnoseRabbit(config),
    MongoDB: diagnoseMongo(config),
    Temporal: diagnoseTemporal(config),
    'Legacy system': diagnoseLegacy(config),
  };
  const control = diagnoseControl(config);
  const neighbours = Object.entries(examined).map(async ([name, diagnoses]): Promise<Patient> => {
    const found = await within(LONGEST_MS, name, diagnoses).catch((error: unknown) => [
      unwell('reachable', why(error), 'Something takes it in and never answers: see its log'),
    ]);
    return { name, found };
  });
  const found = [
    well('Node', process.versions.node),
    configuration(loaded),
    encryption(config),
    ...(await control),
  ];
  return [{ name: 'Despachante', found }, ...(await Promise.all(neighbours))];
}

const LONGEST_MS = 45_000;

/** None where there is no folder of workers. */
async function examineWorkers({ config }: LoadedConfig, options: Folders): Promise<Patient[]> {
  const from = foldersOf(options, config);
  try {
    const queues = readQueues(options.queues);
    const isFolder = options.workers !== undefined || existsSync(config.tasks.folder);
    if (!isFolder && queues.every(({ handler }) => handler === null)) return [];
    const { found, broken } = await loadWorkers({ ...from, skipBroken: true });
    const workers = found.map(async ({ worker }): Promise<Patient> => {
      const name = `Worker ${worker.name}`;
      const found = within(LONGEST_MS, name, diagnoseWorker(config, queues, worker));
      return { name, found: await found.catch((error: unknown) => [unread(error)]) };
    });
    const files = [
      ...broken.map((fault) => unwell('file', fault, 'Mend it, or take it out')),
      ...sharedSources(found, config, queues).map((fault) => unwell('source', fault, APART)),
    ];
    return [
      ...(files.length === 0 ? [] : [{ name: 'Files of workers', found: files }]),
      ...(await Promise.all(workers)),
    ];
  } catch (error) {
    return [{ name: 'Workers', found: [unread(error)] }];
  }
}

const unread = (error: unknown): Diagnosis =>
  unwell('definition', why(error), 'Mend what it names, and ask again');

function configuration({ warnings }: LoadedConfig): Diagnosis {
  return warnings.length === 0
    ? well('configuration', 'no fault')
    : warning('configuration', warnings.join('; '), '"despachante config" shows what is in force');
}

function encryption(config: LoadedConfig['config']): Diagnosis {
  const check = 'encryption';
  try {
    const { writes, reads } = encryptionFacts(config);
    if (writes !== null)
      return well(check, `writes with the key ${writes}; reads ${reads.join(', ')}`);
    const risk = 'off: whoever can read histories in Temporal can read the messages';
    const remedy =
      'Give keys in ENCRYPTION_KEYS, such as "k1:$(openssl rand -base64 32)", and see encryption.mode';
    return warning(check, risk, remedy);
  } catch (error) {
    return unwell(check, why(error), 'Each line of that file is id:key, 32 bytes in base64');
  }
}

const MARK: Readonly<Record<Diagnosis['state'], string>> = {
  well: paint.green('✓'),
  warning: paint.yellow('!'),
  unwell: paint.red('✗'),
};

function text({ name, found }: Patient): string {
  const rows = found.map(({ check, state, detail }) => [`${MARK[state]} ${check}`, line(detail)]);
  const lines = columns(rows, '  ').split('\n');
  const remedies = found.map(({ remedy }) => (remedy === null ? '' : `\n      → ${remedy}`));
  return `${paint.bold(name)}\n${lines.map((each, at) => each + (remedies[at] ?? '')).join('\n')}`;
}
