import { userInfo } from 'node:os';
import type { Command } from 'commander';
import type { Config } from '../config-schema.ts';
import { entryNumber } from '../domain/names.ts';
import { currentEntries, findDoubts } from '../doubts.ts';
import type { Doubt, OpenClaim } from '../doubts.ts';
import { labelOf } from '../label.ts';
import { runLink, tellRun } from '../runs.ts';
import type { Told } from '../runs.ts';
import type { Store } from '../store.ts';
import { CommandError, EXIT, globals, load, print, printJson } from './context.ts';
import { withStore, withTemporal } from './neighbours.ts';
import { columns, line, number, paint, when } from './table.ts';

type Action = 'confirm' | 'resubmit' | 'abandon';

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

  const action = (name: Action, description: string, example: string) =>
    doubts
      .command(name)
      .description(description)
      .argument('<id>', 'registration id')
      .requiredOption('--reason <text>', 'how you know; kept in the journal')
      .option('--operator <name>', 'who says so (default: your user name)')
      .addHelpText('after', `\nExample: despachante doubts ${example}`)
      .action((id: string, word: Word, command: Command) => decide(name, id, word, command));

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
  const doubts = await withStore(config, (store) => findDoubts(store, config.legacy.timeout));
  const facts = doubts.map((doubt) => factsOf(doubt, config));
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
  print(paint.dim(`${number(facts.length)} in doubt. Decide with "despachante doubts confirm|resubmit|abandon <id>"`));
}

const factsOf = ({ claim, entry, since, reason }: Doubt, config: Config) => ({
  id: labelOf(claim.registration, config),
  generation: claim.generation,
  submission: entryNumber(entry._id),
  since,
  reason,
  workflowId: claim.workflowId,
  link: runLink(config, claim.workflowId),
});

async function decide(action: Action, id: string, word: Word, command: Command): Promise<void> {
  const { config } = load(command);
  const operator = word.operator ?? userName();
  await withStore(config, async (store) => {
    const claim = await openClaimOf(id, store, config);
    const label = labelOf(claim.registration, config);
    const { reason, requestId } = word;
    const told = await withTemporal(config, (client) =>
      tellRun(client, claim.workflowId, action, {
        id: label,
        operator,
        reason,
        ...(requestId === undefined ? {} : { requestId }),
      }),
    );
    const became = resultOf(told, label, claim.workflowId);
    const entry = (await currentEntries(store, [claim])).get(claim._id);
    const known = entry?.state === 'accepted' ? entry.requestId : null;
    const asSaid =
      became === BECOMES[action] && (action !== 'confirm' || known === null || known === requestId);
    if (globals(command).json === true) return printJson({ id: label, became, asSaid, requestId: known });
    print(`${line(label)}: ${MEANS[became] ?? became}${known === null ? '' : ` (request ${line(known)})`}`);
    if (!asSaid) print(paint.yellow('The journal knew better than that: what it knows is what counts'));
  });
}

const BECOMES: Readonly<Record<Action, string>> = {
  confirm: 'accepted',
  resubmit: 'resubmit',
  abandon: 'abandoned',
};

/** By the kinds of SubmitAnswer (src/domain/answers.ts). */
const MEANS: Readonly<Record<string, string>> = {
  accepted: 'accepted; it is asked for until it is done',
  resubmit: 'is submitted again',
  abandoned: 'abandoned; it goes to the failure queue',
  refused: 'was refused by the legacy system; it goes to the failure queue',
  'not-accepted': 'was not accepted by the legacy system; it is submitted again',
  pending: 'is being submitted at this moment; ask again in a minute',
};

function resultOf(told: Told, label: string, workflowId: string): string {
  switch (told.kind) {
    case 'done':
      return told.became;
    case 'refused':
      throw new CommandError(`${told.refusal}. "despachante status ${label}" tells how it stands`);
    case 'gone':
      throw new CommandError(
        `The run ${workflowId}, which holds "${label}", is closed or gone from Temporal, so that nobody can act on your word. Nothing was changed; the registration stays in doubt`,
      );
    case 'silent':
      throw new CommandError(
        'No worker took it within 30 s: is one running (despachante worker)? See "despachante doubts list" for whether it counted',
      );
  }
}

/** @throws CommandError when there is none by this id, or by the hash that stands for it */
async function openClaimOf(id: string, store: Store, config: Config): Promise<OpenClaim> {
  const all = await store.claims.ofRegistration(id);
  const last = all.findLast(({ conflict }) => !conflict);
  if (last !== undefined && last.outcome === null) return last;
  if (last !== undefined) {
    throw new CommandError(
      `"${id}" is not in doubt: it ended as ${last.outcome?.kind}. "despachante status ${id}" tells more`,
      EXIT.notFound,
    );
  }
  const doubts = await findDoubts(store, config.legacy.timeout);
  const byLabel = doubts.find(({ claim }) => labelOf(claim.registration, config) === id);
  if (byLabel !== undefined) return byLabel.claim;
  throw new CommandError(
    `Nothing is known of a registration "${id}". "despachante doubts list" shows what is in doubt`,
    EXIT.notFound,
  );
}

function userName(): string {
  try {
    return userInfo().username;
  } catch {
    throw new CommandError('This user has no name: say who decides with --operator', EXIT.usage);
  }
}
