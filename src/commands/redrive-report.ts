/** What a redrive says of itself, and which exit code it ends with. */
import type { Config } from '../config/schema.ts';
import type { CanaryReport } from '../operations/canary-trial.ts';
import type { CanaryOutcome } from '../operations/canary.ts';
import type { Survey } from '../operations/failure-choice.ts';
import type { Redriven } from '../operations/redrive.ts';
import { CommandError, print, printJson } from './context.ts';
import { counted, toldOfCap } from './failure-choice.ts';
import { line, number } from './table.ts';

interface Said {
  maxRedrives: number;
  canary?: number;
}

export function tellDryRun(found: Survey, { maxRedrives, canary }: Said, json: boolean): void {
  const { selected, byClass, atCap, waiting } = found;
  if (json) return printJson({ dryRun: true, selected, byClass, atCap, waiting });
  const first = canary === undefined ? '' : `, ${number(Math.min(canary, selected))} of them first`;
  print(`Would redrive ${counted(found)} of ${number(waiting)} in the failure queue${first}`);
  const cap = toldOfCap(found, maxRedrives);
  if (cap !== null) print(cap.replace('Passed', 'Would pass'));
  print('Nothing was changed');
}

const SHOWN = 20;

/** @throws CommandError when it is not done: the rest is in the failure queue, and the same command goes on with it */
export function tellRedrive(
  result: Redriven,
  { maxRedrives }: Said,
  { config, json }: { config: Config; json: boolean },
): void {
  const { redriven, withheld, failed, reason, left, canary, interrupted, lost } = result;
  if (json) printJson(result);
  else {
    for (const each of redriven.slice(0, SHOWN))
      print(`${each.class ?? '–'}  ${line(each.id ?? '–')}`);
    if (redriven.length > SHOWN) print(`… and ${number(redriven.length - SHOWN)} more`);
    print(
      `Sent ${number(redriven.length)} to "${config.rabbit.intakeQueue}" again; ${number(left)} left in the failure queue`,
    );
    const cap = toldOfCap(result, maxRedrives);
    if (cap !== null) print(cap);
    if (canary?.passed === true) {
      const count = canary.outcomes.length;
      if (count > 0) print(`The canaries were registered, all ${number(count)}`);
      else if (redriven.length > 0) print('None could be a canary: all had been sent before');
    }
  }
  if (failed > 0) {
    throw new CommandError(
      `${number(failed)} not confirmed, the first because: ${reason}. They stay in the failure queue; redriving again is harmless`,
    );
  }
  if (lost !== null) {
    throw new CommandError(
      `The failure queue was lost (${lost}). What was sent and could not be taken out is there still; redriving again is harmless`,
    );
  }
  if (interrupted) throw new CommandError('Interrupted: the rest stays in the failure queue');
  if (canary?.passed === false) throw new CommandError(canaryStory(canary));
  if (withheld.length > 0) throw new CommandError(withheldStory(withheld));
}

function withheldStory(withheld: Redriven['withheld']): string {
  const some = withheld.slice(0, 5).map(({ id }) => line(id ?? '–'));
  const more =
    withheld.length > some.length ? `, and ${number(withheld.length - some.length)} more` : '';
  return `${number(withheld.length)} stay in the failure queue (${some.join(', ')}${more}): a record without the x-despachante-token of its claim is taken for a duplicate and dropped. Its headers were changed on the way, or MongoDB was restored from a backup. Give it the token that stands in its claim, or publish its body under a new id`;
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
