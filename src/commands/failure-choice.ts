/** A person's word before many records are touched. */
import type { Command } from 'commander';
import type { Pass, Withheld } from '../domain/redrive-order.ts';
import type { Passed, Survey } from '../operations/failure-choice.ts';
import { answer, isYes } from './context.ts';
import { CommandError, EXIT } from './exit.ts';
import { notFound, type Selection } from './failure-selection.ts';
import { line, number } from './table.ts';

/** `412 (400 rejected, 12 timed-out)` */
function counted({ selected, byClass }: Pick<Survey, 'selected' | 'byClass'>): string {
  const parts = Object.entries(byClass).map(([name, count]) => `${number(count)} ${name}`);
  return `${number(selected)}${parts.length > 0 ? ` (${parts.join(', ')})` : ''}`;
}

/**
 * Asks before more than one is touched, and holds no record meanwhile. Returns for how many the answer is: as many as were counted.
 * @throws CommandError when there is nobody to ask, or the answer is no
 */
export async function askFirst(count: () => Promise<Survey>, verb: string): Promise<number> {
  const found = await count();
  if (found.selected <= 1) return 1;
  const what = counted(found);
  if (!process.stdin.isTTY) {
    throw new CommandError(
      `This would ${verb} ${what}: say --yes if that is meant, or --dry-run to look first. Nothing was changed`,
      EXIT.usage,
    );
  }
  if (!(await isYes(`${verb} ${what}?`))) throw new CommandError('Nothing was changed');
  return found.selected;
}

interface DryRun {
  canary?: number;
  maxRedrives?: number;
}

/** Where failures wait, for people. */
export const placeOf = (from: string | undefined): string =>
  from === undefined ? 'in the failure queue' : `failed tasks of ${line(from)}`;

/** What `redrive` or `drop` would do. @throws CommandError when nothing that was named is there */
export async function tellDryRun(
  command: Command,
  count: () => Promise<Survey>,
  verb: string,
  ids: readonly string[],
  { from, canary, maxRedrives = Infinity }: Pick<Selection, 'from'> & DryRun,
): Promise<void> {
  const found = await count();
  const { selected, atCap, foreign, waiting, withheld } = found;
  const isThere = selected + atCap + foreign + (withheld?.count ?? 0) > 0;
  if (ids.length > 0 && !isThere) throw notFound(ids, from);
  const first = canary === undefined ? '' : `, ${number(Math.min(canary, selected))} of them first`;
  answer(command, { dryRun: true, ...found }, () =>
    [
      `Would ${verb} ${counted(found)} of ${number(waiting)} ${placeOf(from)}${first}`,
      ...toldOfCap(found, maxRedrives).map((cap) => cap.replace('Passed', 'Would pass')),
      ...toldOfForeign(found).map((told) => told.replace('Left', 'Would leave')),
      ...toldOfWithheld(found),
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

/** Of records that a redrive leaves in the failure queue, why and what to do. */
export const toldOfWithheld = ({
  withheld,
  expired,
}: Partial<Pick<Pass, 'withheld' | 'expired'>>): string[] => [
  ...stay(
    withheld,
    'a record without the x-despachante-token of its claim is taken for a duplicate and dropped. Its headers were changed on the way, or MongoDB was restored from a backup. Give it the token that stands in its claim, or publish its body under a new id',
  ),
  ...stay(
    expired,
    'the legacy system may have them, and would be sent them as new, because their claims have expired (mongodb.retention). Look each up there. If it is not there, name it: "despachante failures redrive <id>". If it is, "despachante failures drop <id>"',
  ),
];

const stay = (some: Withheld | undefined, why: string): string[] =>
  some === undefined || some.count === 0
    ? []
    : [`${number(some.count)} stay in the failure queue (${named(some)}): ${why}`];

/** `a, b, and 3 more` */
export function named({ count, some }: Withheld): string {
  const more = count > some.length ? `, and ${number(count - some.length)} more` : '';
  return `${some.map((id) => line(id ?? '–')).join(', ')}${more}`;
}
