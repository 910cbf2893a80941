/** `help <command>`, and the topics that belong to no single command. */
import type { Command } from 'commander';
import { ENVIRONMENT_ONLY, SECRETS } from '../config/environment.ts';
import { readSettings, type Setting } from '../config/reference.ts';
import { didYouMean, nearestName } from '../domain/nearest-name.ts';
import { answer } from './context.ts';
import { examples } from './examples.ts';
import { CommandError, ENDINGS, EXIT } from './exit.ts';
import { columns, paint, table } from './table.ts';

export const TOPICS: Readonly<
  Record<string, (words: readonly string[], command: Command) => void>
> = {
  environment: tellEnvironment,
  'exit-codes': tellExitCodes,
  settings: tellSettings,
  messages: tellMessages,
};

export function addHelp(program: Command): void {
  program
    .command('help')
    .argument('[words...]', `a command, or one of ${Object.keys(TOPICS).join(', ')}`)
    .addHelpText(
      'after',
      examples(
        ['A command', 'despachante help failures redrive'],
        ['One setting: range, default and meaning', 'despachante help settings legacy.deadline'],
        ['All exit codes', 'despachante help exit-codes'],
      ),
    )
    .action((words: string[], _: unknown, command: Command) => {
      const topic = TOPICS[words[0] ?? ''];
      if (topic !== undefined) return topic(words.slice(1), command);
      let about = program;
      for (const word of words) {
        const next = about.commands.find((each) => each.name() === word);
        if (next === undefined)
          throw new CommandError(
            `There is no command or topic "${words.join(' ')}". "despachante help" names all of them`,
            EXIT.usage,
          );
        about = next;
      }
      about.outputHelp();
    });
}

function tellEnvironment(_: readonly string[], command: Command): void {
  const said = readSettings().filter(({ path }) => Object.values(ENVIRONMENT_ONLY).includes(path));
  const facts = said.map(({ variable, expected, standard, path }) => {
    return { variable, expected, default: standard, isSecret: SECRETS.has(path) };
  });
  answer(command, facts, () =>
    [
      'Addresses and secrets, from the environment or a file .env in the current folder. The environment wins:',
      '',
      table(
        ['variable', 'default', 'expected'],
        facts.map((each) => [each.variable ?? '', each.default, each.expected]),
      ),
      '',
      'Every other single setting has a variable, too: legacy.deadline is DESPACHANTE_LEGACY_DEADLINE.',
      'DESPACHANTE_CONFIG names another file than despachante.yaml. NO_COLOR switches colours off.',
    ].join('\n'),
  );
}

function tellExitCodes(_: readonly string[], command: Command): void {
  answer(command, ENDINGS, () =>
    [
      columns(ENDINGS.map(({ exitCode, means }) => [String(exitCode), means])),
      '',
      'A command that a signal has stopped ends with 130 (Ctrl-C) or 143 (SIGTERM).',
    ].join('\n'),
  );
}

function tellSettings([path]: readonly string[], command: Command): void {
  const settings = readSettings();
  if (path === undefined) {
    const names = settings.map((each) => each.path);
    return answer(command, names, () => names.join('\n'), 'despachante help settings <path>');
  }
  const setting = settings.find((each) => [each.path, each.variable].includes(path));
  const below = settings.filter((each) => each.path.startsWith(`${path}.`));
  if (setting === undefined && below.length === 0) {
    const hint = didYouMean(
      nearestName(
        path,
        settings.map((each) => each.path),
      ),
    );
    throw new CommandError(
      `There is no setting "${path}"${hint === undefined ? '' : ` (${hint})`}. "despachante help settings" names all`,
      EXIT.notFound,
    );
  }
  const said = setting === undefined ? below : [setting];
  answer(command, said, () => said.map(settingText).join('\n\n'), 'despachante config');
}

const settingText = ({ path, variable, expected, standard, says }: Setting): string =>
  [
    paint.bold(path),
    columns(
      [
        ['expected', expected],
        ['default', standard],
        ...(variable === null ? [] : [['variable', variable]]),
      ],
      '  ',
    ),
    ...says.map((each) => `  ${each}`),
  ].join('\n');

function tellMessages(_: readonly string[], command: Command): void {
  const errors = ENDINGS.filter(({ code }) => code !== null);
  answer(command, errors, () =>
    [
      'With --json an error is one line on stderr: {"error":{"code":…,"message":…,"fix":…}}.',
      '',
      table(
        ['code', 'exit code', 'meaning'],
        errors.map(({ code, exitCode, means }) => [code ?? '', String(exitCode), means]),
      ),
      '',
      'Each warning and error of the log names its page of docs/runbook in the field "runbook".',
    ].join('\n'),
  );
}
