import type { Command } from 'commander';
import { decide, readDoubts, type Decided, type Decision } from '../operations/decide.ts';
import { reachOf } from '../operations/reach.ts';
import { withStore } from '../registrations/neighbours.ts';
import { addOperator, saidIn } from './arguments.ts';
import { CommandError, EXIT, answer, load } from './context.ts';
import { line, number, paint, table, when } from './table.ts';

interface Word {
  operator?: string;
  reason: string;
  requestId?: string;
}

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
      .action((id: string, word: Word, command: Command) => tellDecision(name, id, word, command));

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
  answer(command, facts, () => {
    if (facts.length === 0) return 'Nothing is in doubt';
    const rows = facts.map(({ id, since, reason, link, workflowId }) => [
      line(id),
      when(since),
      line(reason).slice(0, 80),
      link ?? line(workflowId),
    ]);
    const next = 'Decide with "despachante doubts confirm|resubmit|abandon <id>"';
    return [
      table(['registration', 'since', 'reason', 'run'], rows),
      paint.dim(`${number(facts.length)} in doubt. ${next}`),
    ].join('\n');
  });
}

async function tellDecision(
  decision: Decision,
  id: string,
  word: Word,
  command: Command,
): Promise<void> {
  const { config } = load(command);
  const { temporal } = reachOf(config);
  const store = <T>(work: Parameters<typeof withStore<T>>[1]) => withStore(config, work, 'writer');
  const said = { ...word, operator: saidIn(word).by };
  const decided = await decide(decision, id, said, { config, temporal, store });
  if (decided.kind !== 'done')
    throw new CommandError(whyNot(decided, id, word.requestId ?? ''), EXITS[decided.kind]);
  const { id: label, became, asSaid, requestId } = decided;
  answer(command, { id: label, became, asSaid, requestId }, () => {
    const request = requestId === null ? '' : ` (request ${line(requestId)})`;
    const other = '\nThe journal knew better than that: what it knows is what counts';
    const text = `${line(label)}: ${MEANS[became] ?? became}${request}`;
    return asSaid ? text : text + paint.yellow(other);
  });
}

/** By the kinds of SubmitAnswer (src/domain/registrations/answers.ts). */
const MEANS: Readonly<Record<string, string>> = {
  accepted: 'accepted; it is asked for until it is done',
  resubmit: 'is submitted again',
  abandoned: 'abandoned; it goes to the failure queue',
  refused: 'was refused by the legacy system; it goes to the failure queue',
  'not-accepted': 'was not accepted by the legacy system; it is submitted again',
  pending: 'is being submitted at this moment; ask again in a minute',
};

type NotDone = Exclude<Decided, { kind: 'done' }>;

const EXITS: Readonly<Partial<Record<NotDone['kind'], number>>> = {
  'not-a-request-id': EXIT.usage,
  ended: EXIT.notFound,
  unknown: EXIT.notFound,
};

function whyNot(decided: NotDone, id: string, requestId: string): string {
  switch (decided.kind) {
    case 'not-a-request-id':
      return `${line(requestId)} is no request id of the legacy system: legacy.requestIdPattern says what one looks like`;
    case 'ended':
      return `"${id}" is not in doubt: it ended as ${decided.as}. "despachante status ${id}" tells more`;
    case 'unknown':
      return `Nothing is known of a registration "${id}". "despachante doubts list" shows what is in doubt`;
    case 'refused':
      return `${decided.refusal}. "despachante status ${decided.id}" tells how it stands`;
    case 'gone':
      return `The run ${decided.workflowId}, which holds "${decided.id}", is closed or gone from Temporal, so that nobody can act on your word. Nothing was changed; the registration stays in doubt`;
    case 'silent':
      return 'No worker took it within 30 s: is one running (despachante worker)? See "despachante doubts list" for whether it counted';
  }
}
