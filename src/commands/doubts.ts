import type { Command } from 'commander';
import { readDoubts, type Decision } from '../operations/decide.ts';
import { withStore } from '../registrations/neighbours.ts';
import { globals, load, print, printJson } from './context.ts';
import { decideDoubt, type Word } from './decide.ts';
import { addOperator } from './said.ts';
import { columns, line, number, paint, when } from './table.ts';

export function addDoubts(program: Command): void {
  const doubts = program
    .command('doubts')
    .description('registrations whose submission was never answered, and what to make of them')
    .addHelpText('after', '\nExample: despachante doubts list');
  doubts
    .command('list')
    .description('what is in doubt, oldest first')
    .addHelpText('after', '\nExample: despachante doubts list --json')
    .action((_: unknown, command: Command) => list(command));

  const action = (name: Decision, description: string, example: string) =>
    addOperator(doubts.command(name))
      .description(description)
      .argument('<id>', 'registration id')
      .requiredOption('--reason <text>', 'how you know; kept in the journal')
      .addHelpText('after', `\nExample: despachante doubts ${example}`)
      .action((id: string, word: Word, command: Command) => decideDoubt(name, id, word, command));

  action(
    'confirm',
    'the legacy system has it: go on with the request id it gave',
    'confirm reg-1 --request-id AB583C-X --reason "found on its screen 12"',
  ).requiredOption('--request-id <id>', 'the id the legacy system gave it');
  action(
    'resubmit',
    'the legacy system does not have it: submit it again',
    'resubmit reg-1 --reason "not on its screen 12 after its nightly run"',
  );
  action(
    'abandon',
    'give it up: it goes to the failure queue, in the class in-doubt',
    'abandon reg-1 --reason "the customer has withdrawn"',
  );
}

async function list(command: Command): Promise<void> {
  const { config } = load(command);
  const facts = await withStore(config, (store) => readDoubts(config, store));
  if (globals(command).json === true) return printJson(facts);
  if (facts.length === 0) return print('Nothing is in doubt');
  const head = ['registration', 'since', 'reason', 'run'].map((cell) => paint.bold(cell));
  const rows = facts.map((each) => [
    line(each.id),
    when(each.since),
    line(each.reason).slice(0, 80),
    each.link ?? line(each.workflowId),
  ]);
  print(columns([head, ...rows]));
  print(
    paint.dim(
      `${number(facts.length)} in doubt. Decide with "despachante doubts confirm|resubmit|abandon <id>"`,
    ),
  );
}
