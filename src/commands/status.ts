import { once } from 'node:events';
import { setTimeout as delay } from 'node:timers/promises';
import type { Command } from 'commander';
import type { LateResult } from '../claims/claims.ts';
import { OWN, ownName } from '../mongo/collections.ts';
import type { Config } from '../config/schema.ts';
import { reachOf } from '../operations/reach.ts';
import { readStatus, waitingForIntake, type RunFacts, type Status } from '../operations/status.ts';
import type { Chapter } from '../operations/story.ts';
import { why } from '../doctor/diagnosis.ts';
import { silent } from '../runtime/log.ts';
import { maskText } from '../runtime/mask.ts';
import { answer, load, tell, untilSignal } from './context.ts';
import { CommandError, EXIT } from './exit.ts';
import { overall } from './counts.ts';
import { columns, line, number, paint, valueText, when } from './table.ts';
import { examples } from './examples.ts';

export function addStatus(program: Command): void {
  program
    .command('status')
    .argument('[id]', 'registration id')
    .addHelpText(
      'after',
      examples(
        ['How many are where', 'despachante status'],
        ['The same, each two seconds, until Ctrl-C', 'despachante status --watch'],
        ['Everything about one registration', 'despachante status reg-1'],
        ['How many are in doubt', 'despachante status --json | jq .registrations.inDoubt'],
      ),
    )
    .option('--watch', `again each ${WATCH_MS / 1_000} s, until Ctrl-C`)
    .action(async (id: string | undefined, { watch }: { watch?: true }, command: Command) => {
      const look = () => (id === undefined ? overall(command) : single(id, command));
      return watch === true ? again(look) : look();
    });
}

const WATCH_MS = 2_000;
const CLEAR = '\u{1b}[H\u{1b}[2J\u{1b}[3J';

/** A look that fails is shown, and does not end it: one watches in an outage most of all. */
async function again(look: () => Promise<void>): Promise<void> {
  // Whoever reads may leave, too (`| head`).
  const stop = Promise.race([untilSignal(silent), once(process.stdout, 'error')]).then(
    () => 'stop' as const,
  );
  do {
    if (process.stdout.isTTY) process.stdout.write(CLEAR);
    await look().catch((error: unknown) => tell(maskText(why(error))));
  } while ((await Promise.race([stop, delay(WATCH_MS)])) !== 'stop');
}

async function single(id: string, command: Command): Promise<void> {
  const { config } = load(command);
  const reach = reachOf(config);
  const status = await readStatus(id, config, reach);
  if (status === null) throw unknown(id, config, await waitingForIntake(config, reach));
  const { id: label, chapters, run, document } = status;
  answer(command, { id: label, generations: chapters, run, document }, () =>
    [
      paint.bold(line(label)),
      ...chapters.map((chapter) => `\n${chapterText(chapter, config)}`),
      ...(run === null ? [] : [columns(runRows(run), '  ')]),
      `\n${documentText(document, config)}`,
    ].join('\n'),
  );
}

/** Where it may be, as far as one can tell from outside. */
function unknown(id: string, { rabbit }: Config, waiting: number): CommandError {
  const still =
    waiting > 0 ? ` It may be among the ${number(waiting)} in "${rabbit.intakeQueue}".` : '';
  return new CommandError(
    `Nothing is known of a registration "${line(id)}".${still} A message that is no registration has no id: look into "despachante failures list --class malformed"`,
    EXIT.notFound,
  );
}

function chapterText(chapter: Status['chapters'][number], config: Config): string {
  const { generation, conflict, outcome } = chapter;
  const title = conflict
    ? 'Another message with this id'
    : generation === 0
      ? 'First delivery'
      : `Redrive ${generation}`;
  const rows = [
    ['received', when(chapter.receivedAt)],
    [
      'claimed',
      `${when(chapter.claimedAt)}  by ${line(chapter.workflowId)}, place ${chapter.index}`,
    ],
    ...chapter.submissions.flatMap(submissionRows),
    ...setAsideRows(chapter, config),
    ...(outcome === null
      ? chapter.setAside === null
        ? [['outcome', paint.yellow('open')]]
        : []
      : [
          [
            'outcome',
            `${outcomeText(outcome.kind)}  ${when(outcome.at)}  ${line(outcome.reason ?? '')}`,
          ],
          ['request', line(outcome.requestId ?? '–')],
          ['polls', String(outcome.polls)],
        ]),
    ['settled', when(chapter.settledAt)],
    ...(chapter.late === null
      ? []
      : [['later', `${when(chapter.late.at)}  ${lateText(chapter.late)}`]]),
    ...(chapter.link === null ? [] : [['run', chapter.link]]),
  ];
  return `${title}\n${columns(rows, '  ')}`;
}

/** Whoever removes what was set aside has a run take the claim up again (sweep.ts). */
function setAsideRows({ setAside }: Chapter, { mongodb }: Config): string[][] {
  if (setAside === null) return [];
  return [
    ['set aside', `${when(setAside.at)}  ${paint.red(line(setAside.reason))}`],
    [
      'what to do',
      `mend what the reason names, remove its document from ${ownName(OWN.setAside, mongodb.ownPrefix)}, and run "despachante sweep": a run takes it up again and sends nothing twice`,
    ],
  ];
}

export const lateText = ({ status }: Pick<LateResult, 'status'>): string =>
  paint.yellow(
    status === 'done'
      ? 'the legacy system has finished it later: redrive it, it is not POSTed again'
      : 'the legacy system has failed it later: redrive it to have that told, it is not POSTed again',
  );

const outcomeText = (kind: string): string =>
  kind === 'registered' ? paint.green(kind) : paint.red(kind);

function submissionRows(entry: Chapter['submissions'][number]): string[][] {
  const tries = entry.tries === 1 ? '' : `, ${entry.tries} tries`;
  const request = entry.requestId === null ? '' : `  request ${line(entry.requestId)}`;
  const by = entry.operator === null ? '' : `  by ${line(entry.operator)}`;
  const reason = entry.reason === null ? '' : `  ${line(entry.reason)}`;
  return [
    ['submitted', `${when(entry.at)}${tries}`],
    ['answered', `${when(entry.answeredAt)}  ${entry.state}${request}${by}${reason}`],
  ];
}

function runRows(facts: RunFacts): string[][] {
  switch (facts.kind) {
    case 'unknown':
    case 'silent':
      return [['now', `unknown: ${line(facts.reason)}`]];
    case 'closed':
      return [['now', paint.red(`its run is closed (${facts.status}) and has not settled it`)]];
    case 'gone':
      return [['now', paint.red('its run is gone from Temporal and has not settled it')]];
    case 'open': {
      const view = facts.registration;
      if (view === null) return [['now', 'its run has just left it, or has not come to it yet']];
      return [
        ['now', view.state],
        ['next step', view.nextStepAt === 'now' ? 'now' : when(view.nextStepAt)],
        ['polls', String(view.polls)],
      ];
    }
  }
}

function documentText(document: Status['document'], { mongodb }: Config): string {
  if (document === null) return `No document of its own in the collection "${mongodb.collection}"`;
  const rows = Object.entries(document).map(([name, value]) => [name, valueText(value)]);
  return `In the collection "${mongodb.collection}"\n${columns(rows, '  ')}`;
}
