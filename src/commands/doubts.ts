import type { Command } from 'commander';
import { decide, readDoubts, type Decided, type Decision } from '../operations/decide.ts';
import { reachOf } from '../operations/reach.ts';
import { withStore } from '../registrations/neighbours.ts';
import { addOperator, saidIn } from './arguments.ts';
import { answer, load } from './context.ts';
import { CommandError, EXIT } from './exit.ts';
import { line, number, paint, table, when } from './table.ts';
import { examples, type Example } from './examples.ts';

interface Word {
  operator?: string;
  reason: string;
  requestId?: string;
}

export function addDoubts(program: Command): void {
  const doubts = program
    .command('doubts')
    .addHelpText(
      'after',
      examples(
        ['Everything that is in doubt', 'despachante doubts list'],
        [
          'The legacy system has it, under this request id',
          'despachante doubts confirm reg-1 --request-id AB583C-X --reason "found on its screen 12"',
        ],
        [
          'The legacy system does not have it',
          'despachante doubts resubmit reg-1 --reason "not on its screen 12 after its nightly run"',
        ],
      ),
    );
  doubts
    .command('list')
    .description('the registrations in doubt, oldest first')
    .addHelpText(
      'after',
      examples(
        ['Everything that is in doubt, oldest first', 'despachante doubts list'],
        ['Only the ids', 'despachante doubts list --json | jq -r ".[].id"'],
      ),
    )
    .action((_: unknown, command: Command) => list(command));

  const action = (name: Decision, description: string, ...all: Example[]) =>
    addOperator(doubts.command(name))
      .description(description)
      .argument('<id>', 'registration id')
      .requiredOption('--reason <text>', 'how you know; kept in the journal')
      .addHelpText('after', examples(...all))
      .action((id: string, word: Word, command: Command) => tellDecision(name, id, word, command));

  action(
    'confirm',
    'the legacy system has it: go on with the request id it gave',
    [
      'Found by hand in the legacy system',
      'despachante doubts confirm reg-1 --request-id AB583C-X --reason "found on its screen 12"',
    ],
    [
      'Decided by somebody else',
      'despachante doubts confirm reg-1 --request-id 7 --operator ana --reason "she called them"',
    ],
  ).requiredOption('--request-id <id>', 'the id the legacy system gave it');
  action(
    'resubmit',
    'the legacy system does not have it: submit it again',
    [
      'You have looked, and it is not there',
      'despachante doubts resubmit reg-1 --reason "not on its screen 12 after its nightly run"',
    ],
    [
      'With the answer for a program',
      'despachante doubts resubmit reg-1 --reason "not in its export" --json | jq .became',
    ],
  );
  action(
    'abandon',
    'give it up: it goes to the failure queue, in the class in-doubt',
    [
      'Nobody wants it any more',
      'despachante doubts abandon reg-1 --reason "the customer has withdrawn"',
    ],
    [
      'With the answer for a program',
      'despachante doubts abandon reg-1 --reason "filed by hand" --json | jq .became',
    ],
  );
}

async function list(command: Command): Promise<void> {
  const { config } = load(command);
  const facts = await withStore(config, (store) => readDoubts(config, store));
  answer(
    command,
    facts,
    () => {
      if (facts.length === 0) return 'Nothing is in doubt';
      const rows = facts.map(({ id, since, reason, link, workflowId }) => [
        line(id),
        when(since),
        line(reason).slice(0, 80),
        link ?? line(workflowId),
      ]);
      return [
        table(['registration', 'since', 'reason', 'run'], rows),
        paint.dim(`${number(facts.length)} in doubt`),
      ].join('\n');
    },
    facts.length === 0
      ? null
      : 'despachante doubts confirm|resubmit|abandon <id> --reason <how you know>',
  );
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
  silent: EXIT.unknown,
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
