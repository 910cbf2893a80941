/** What a redrive says of itself, and which exit code it ends with. */
import type { Command } from 'commander';
import type { Config } from '../config/schema.ts';
import type {
  CanaryOutcome,
  CanaryReport,
  RedriveReport,
} from '../domain/registrations/redrive-order.ts';
import type { RedriveState } from '../operations/redrive.ts';
import { CommandError, answer } from './context.ts';
import { toldOfCap, toldOfForeign } from './failure-choice.ts';
import { line, number, when } from './table.ts';

export const NO_WORKER =
  'No worker is running, which would do it: start one ("despachante worker", or "npm start")';

export function stateText({ isRunning, latest }: RedriveState): string {
  if (isRunning && latest?.result !== null) return 'begun, and no worker has taken it up yet';
  if (latest === null) return 'none ever began';
  const { by, at, on, progress, result } = latest;
  const canaries = progress?.canaries ?? null;
  const parts = [
    `begun by ${line(by)} at ${when(at)} on ${line(on ?? '–')}`,
    `${number(progress?.sent ?? 0)} sent again`,
    canaries === null
      ? ''
      : `${number(canaries.settled)} of ${number(canaries.of)} canaries have an outcome`,
    result !== null ? `ended at ${when(result.at)}: ${line(result.text)}` : '',
    result === null && !isRunning ? 'ended by somebody in Temporal, without a word' : '',
  ];
  return parts.filter((part) => part !== '').join('; ');
}

/** @throws CommandError when it is not done: the rest is in the failure queue, and the same command goes on with it */
export function tellRedrive(
  command: Command,
  report: RedriveReport,
  maxRedrives: number,
  { rabbit }: Config,
): void {
  const { sent, left, withheld, failure, canary, isStopped } = report;
  answer(command, report, () =>
    [
      `Sent ${number(sent)} to "${rabbit.intakeQueue}" again; ${number(left)} left in the failure queue`,
      ...toldOfCap(report, maxRedrives),
      ...toldOfForeign(report),
      ...(canary?.passed === true ? canaryText(canary, sent) : []),
    ].join('\n'),
  );
  if (failure !== null)
    throw new CommandError(
      `It could not go on: ${failure}. The rest stays in the failure queue; redriving again is harmless`,
    );
  if (isStopped) throw new CommandError('Stopped: the rest stays in the failure queue');
  if (canary?.passed === false) throw new CommandError(canaryStory(canary));
  if (withheld.count > 0) throw new CommandError(withheldStory(withheld));
}

function canaryText({ outcomes }: CanaryReport, sent: number): string[] {
  if (outcomes.length > 0) return [`The canaries were registered, all ${number(outcomes.length)}`];
  return sent > 0 ? ['None could be a canary: all had been sent before'] : [];
}

function withheldStory({ count, some }: RedriveReport['withheld']): string {
  const named = some.map((id) => line(id ?? '–')).join(', ');
  const more = count > some.length ? `, and ${number(count - some.length)} more` : '';
  return `${number(count)} stay in the failure queue (${named}${more}): a record without the x-despachante-token of its claim is taken for a duplicate and dropped. Its headers were changed on the way, or MongoDB was restored from a backup. Give it the token that stands in its claim, or publish its body under a new id`;
}

function canaryStory({ outcomes }: CanaryReport): string {
  const bad = outcomes.filter(({ outcome }) => outcome !== 'registered');
  const some = bad.slice(0, 5).map(({ id, outcome }) => `${line(id ?? '–')} ${MEANS(outcome)}`);
  const more = bad.length > some.length ? `, and ${number(bad.length - some.length)} more` : '';
  return `Stopped after the canaries: ${number(bad.length)} of ${number(outcomes.length)} were not registered (${some.join(', ')}${more}). The rest stays in the failure queue`;
}

const MEANS = (outcome: CanaryOutcome): string =>
  outcome === 'open'
    ? 'has no outcome within --canary-timeout: see "despachante status"'
    : `ended as ${outcome}`;
