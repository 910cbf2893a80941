/** What a redrive says of itself, and which exit code it ends with. */
import type { Command } from 'commander';
import type { Config } from '../config/schema.ts';
import {
  isGoodEnd,
  type CanaryOutcome,
  type CanaryReport,
  type RedriveReport,
} from '../domain/redrive-order.ts';
import { heldText } from '../operations/redrive-notes.ts';
import type { RedriveNeeds, RedriveState } from '../operations/redrive.ts';
import { answer } from './context.ts';
import { CommandError } from './exit.ts';
import { named, placeOf, toldOfCap, toldOfForeign, toldOfWithheld } from './failure-choice.ts';
import { line, number, when } from './table.ts';

export const noWorker = ({ worker }: Pick<RedriveNeeds, 'worker'>): string =>
  worker === null
    ? 'No worker is running, which would do it: start one ("despachante worker", or "npm start")'
    : `No process runs the worker ${line(worker)}, which would do it: start one ("despachante tasks run ${line(worker)}")`;

/** The option that says whose redrive is meant. */
export const ofWorker = (from: string | undefined): string =>
  from === undefined ? '' : ` --from ${line(from)}`;

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
  { maxRedrives, from, config }: { maxRedrives: number; from?: string; config: Config },
): void {
  const { sent, left, withheld, failure, canary, isStopped } = report;
  const place = from === undefined ? 'in the failure queue' : 'as it is';
  answer(command, report, () =>
    [
      from === undefined
        ? `Sent ${number(sent)} to "${config.rabbit.intakeQueue}" again; ${number(left)} left in the failure queue`
        : `Gave ${number(sent)} to new runs; ${number(left)} ${placeOf(from)} left`,
      ...toldOfCap(report, maxRedrives),
      ...toldOfForeign(report),
      ...(canary?.passed === true ? canaryText(canary, sent, from) : []),
    ].join('\n'),
  );
  if (failure !== null)
    throw new CommandError(
      `It could not go on: ${failure}. The rest stays ${place}; redriving again is harmless`,
    );
  if (isStopped) throw new CommandError(`Stopped: the rest stays ${place}`);
  if (canary?.passed === false)
    throw new CommandError(`${canaryStory(canary, from)}. The rest stays ${place}`);
  if (from !== undefined && withheld.count > 0)
    throw new CommandError(
      `${number(withheld.count)} stay as they are (${named(withheld)}): another message was done under the same id. Send them under ids of their own, or drop them`,
    );
  const told = [...toldOfWithheld(report), ...(report.held > 0 ? [heldText(report.held)] : [])];
  if (told.length > 0) throw new CommandError(told.join('\n'));
}

const goodEnd = (from: string | undefined): string => (from === undefined ? 'registered' : 'done');

function canaryText({ outcomes }: CanaryReport, sent: number, from?: string): string[] {
  if (outcomes.length > 0)
    return [`The canaries were ${goodEnd(from)}, all ${number(outcomes.length)}`];
  return sent > 0 ? ['None could be a canary: all had been sent before'] : [];
}

function canaryStory({ outcomes }: CanaryReport, from?: string): string {
  const bad = outcomes.filter(({ outcome }) => !isGoodEnd(outcome));
  const some = bad.slice(0, 5).map(({ id, outcome }) => `${line(id ?? '–')} ${MEANS(outcome)}`);
  const more = bad.length > some.length ? `, and ${number(bad.length - some.length)} more` : '';
  return `Stopped after the canaries: ${number(bad.length)} of ${number(outcomes.length)} were not ${goodEnd(from)} (${some.join(', ')}${more})`;
}

const MEANS = (outcome: CanaryOutcome): string =>
  outcome === 'open'
    ? 'has no outcome within --canary-timeout: see "despachante status"'
    : `ended as ${outcome}`;
