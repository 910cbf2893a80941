/** The records that `redrive` and `drop` take, and a person's word before there are many of them. */
import { createInterface } from 'node:readline/promises';
import type { Config } from '../config/schema.ts';
import type { FailureMessage, FailureQueue } from '../broker/rabbitmq/dead-letter-queue.ts';
import { CommandError, EXIT } from './context.ts';
import { withFailures } from './failure-selection.ts';
import { line, number } from './table.ts';

export interface Choice {
  matches: (failure: FailureMessage) => boolean;
  limit: number;
  /** Records redriven so often already are passed over. */
  maxRedrives: number;
}

export interface Passed {
  /** Chosen, and left where they are since they were redriven too often. */
  atCap: number;
}

/** The chosen ones, in the order of the queue. Those at the cap do not count towards the limit. */
export async function* chosen(
  queue: FailureQueue,
  { matches, limit, maxRedrives }: Choice,
  passed: Passed,
): AsyncGenerator<FailureMessage> {
  let count = 0;
  for await (const failure of queue.messages()) {
    if (!matches(failure)) continue;
    if ((failure.redrive ?? 0) >= maxRedrives) {
      passed.atCap += 1;
      continue;
    }
    yield failure;
    if (++count === limit) return;
  }
}

export interface Survey extends Passed {
  selected: number;
  byClass: Record<string, number>;
  /** In the queue. */
  waiting: number;
}

/** Counts the chosen ones and takes none. */
export const survey = (config: Config, choice: Choice): Promise<Survey> =>
  withFailures(config, async (queue) => {
    const found: Survey = { selected: 0, byClass: {}, atCap: 0, waiting: queue.depth };
    for await (const { failureClass } of chosen(queue, choice, found)) {
      const name = failureClass ?? 'unknown';
      found.selected += 1;
      found.byClass[name] = (found.byClass[name] ?? 0) + 1;
    }
    return found;
  });

/** `412 (400 rejected, 12 timed-out)` */
export function counted({ selected, byClass }: Pick<Survey, 'selected' | 'byClass'>): string {
  const parts = Object.entries(byClass).map(([name, count]) => `${number(count)} ${name}`);
  return `${number(selected)}${parts.length > 0 ? ` (${parts.join(', ')})` : ''}`;
}

/**
 * Asks before more than one is touched. The records went back meanwhile, so that nothing is held while a person thinks:
 * the answer is for as many as were counted, and no more may be taken.
 * @throws CommandError when there is nobody to ask, or the answer is no
 */
export async function askFirst(config: Config, choice: Choice, verb: string): Promise<Choice> {
  const found = await survey(config, choice);
  if (found.selected <= 1) return { ...choice, limit: 1 };
  const what = line(counted(found));
  if (!process.stdin.isTTY) {
    throw new CommandError(
      `This would ${verb} ${what}: say --yes if that is meant, or --dry-run to look first. Nothing was changed`,
      EXIT.usage,
    );
  }
  const asking = createInterface({ input: process.stdin, output: process.stderr });
  const answer = await asking.question(`${verb} ${what}? [y/N] `).finally(() => asking.close());
  if (!/^y(es)?$/i.test(answer.trim())) throw new CommandError('Nothing was changed');
  return { ...choice, limit: found.selected };
}

/** A sentence for what was passed over, or none. */
export const toldOfCap = ({ atCap }: Passed, maxRedrives: number): string | null =>
  atCap === 0
    ? null
    : `Passed over ${number(atCap)} that ${atCap === 1 ? 'was' : 'were'} redriven ${number(maxRedrives)} times or more (--max-redrives)`;
