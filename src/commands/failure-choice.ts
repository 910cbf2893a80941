/** A person's word before many records are touched. */
import type { Command } from 'commander';
import type { Config } from '../config/schema.ts';
import { survey, type Choice, type Passed, type Survey } from '../operations/failure-choice.ts';
import { withFailures } from '../operations/failure-queue.ts';
import { CommandError, EXIT, answer, isYes } from './context.ts';
import { notFound } from './failure-selection.ts';
import { number } from './table.ts';

/** `412 (400 rejected, 12 timed-out)` */
function counted({ selected, byClass }: Pick<Survey, 'selected' | 'byClass'>): string {
  const parts = Object.entries(byClass).map(([name, count]) => `${number(count)} ${name}`);
  return `${number(selected)}${parts.length > 0 ? ` (${parts.join(', ')})` : ''}`;
}

/**
 * Asks before more than one is touched, and holds no record meanwhile: the answer is for as many as were counted.
 * @throws CommandError when there is nobody to ask, or the answer is no
 */
export async function askFirst(config: Config, choice: Choice, verb: string): Promise<Choice> {
  const found = await withFailures(config, (queue) => survey(queue, choice));
  if (found.selected <= 1) return { ...choice, limit: 1 };
  const what = counted(found);
  if (!process.stdin.isTTY) {
    throw new CommandError(
      `This would ${verb} ${what}: say --yes if that is meant, or --dry-run to look first. Nothing was changed`,
      EXIT.usage,
    );
  }
  if (!(await isYes(`${verb} ${what}?`))) throw new CommandError('Nothing was changed');
  return { ...choice, limit: found.selected };
}

/** What `redrive` or `drop` would do. @throws CommandError when nothing that was named is there */
export async function tellDryRun(
  command: Command,
  config: Config,
  verb: string,
  ids: readonly string[],
  choice: Choice,
  canary?: number,
): Promise<void> {
  const found = await withFailures(config, (queue) => survey(queue, choice));
  const { selected, atCap, foreign, waiting } = found;
  if (ids.length > 0 && selected + atCap + foreign === 0) throw notFound(ids);
  const first = canary === undefined ? '' : `, ${number(Math.min(canary, selected))} of them first`;
  answer(command, { dryRun: true, ...found }, () =>
    [
      `Would ${verb} ${counted(found)} of ${number(waiting)} in the failure queue${first}`,
      ...toldOfCap(found, choice.maxRedrives).map((cap) => cap.replace('Passed', 'Would pass')),
      ...toldOfForeign(found).map((told) => told.replace('Left', 'Would leave')),
      'Nothing was changed',
    ].join('\n'),
  );
}

export const toldOfForeign = ({ foreign }: Pick<Passed, 'foreign'>): string[] =>
  foreign === 0
    ? []
    : [
        `Left ${number(foreign)} that ${foreign === 1 ? 'is' : 'are'} no failure record for our intake queue (--foreign takes ${foreign === 1 ? 'it' : 'them'}, too)`,
      ];

export const toldOfCap = ({ atCap }: Pick<Passed, 'atCap'>, maxRedrives: number): string[] =>
  atCap === 0
    ? []
    : [
        `Passed over ${number(atCap)} that ${atCap === 1 ? 'was' : 'were'} redriven ${number(maxRedrives)} times or more (--max-redrives)`,
      ];
