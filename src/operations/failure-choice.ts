/** The records of the failure queue that `redrive` and `drop` take. */
import type { FailureMessage, FailureQueue } from '../broker/rabbitmq/dead-letter-queue.ts';
import type { Claims } from '../claims/claims.ts';
import type { Config } from '../config/schema.ts';
import { nothingFound, withhold, type Pass } from '../domain/redrive-order.ts';
import { redrivable } from '../registrations/redrivable.ts';
import { shownId } from './failure-queue.ts';

export interface Choice {
  matches: (failure: FailureMessage) => boolean;
  /** False for what is to be left since others have put it there. */
  isOurs: (failure: FailureMessage) => boolean;
  limit: number;
  /** Records redriven so often already are passed over. */
  maxRedrives: number;
}

export interface Passed {
  /** Chosen, and left where they are since they were redriven too often. */
  atCap: number;
  /** Chosen, and left where they are since they are not ours. */
  foreign: number;
}

/** The chosen ones, in the order of the queue. Those at the cap, and those of others, do not count towards the limit. */
export async function* chosen(
  queue: FailureQueue,
  { matches, isOurs, limit, maxRedrives }: Choice,
  passed: Passed,
): AsyncGenerator<FailureMessage> {
  let count = 0;
  if (limit <= 0) return;
  for await (const failure of queue.messages()) {
    if (!matches(failure)) continue;
    if (!isOurs(failure)) {
      passed.foreign += 1;
      continue;
    }
    if ((failure.generation ?? 0) >= maxRedrives) {
      passed.atCap += 1;
      continue;
    }
    yield failure;
    if (++count === limit) return;
  }
}

/** What a redrive would withhold, of one that looks for it. */
type Withholds = Pick<Pass, 'withheld' | 'expired'>;

export interface Survey extends Passed, Partial<Withholds> {
  selected: number;
  byClass: Record<string, number>;
  /** In the queue. */
  waiting: number;
}

/** @param sift leaves out some of the chosen ones */
export async function survey(
  queue: FailureQueue,
  choice: Choice,
  sift: (all: AsyncIterable<FailureMessage>) => AsyncIterable<FailureMessage> = (all) => all,
): Promise<Survey> {
  const found: Survey = { selected: 0, byClass: {}, atCap: 0, foreign: 0, waiting: queue.depth };
  for await (const { failureClass } of sift(chosen(queue, choice, found))) {
    const name = failureClass ?? 'unknown';
    found.selected += 1;
    found.byClass[name] = (found.byClass[name] ?? 0) + 1;
  }
  return found;
}

/** As a redrive would take them. */
export async function surveyRedrive(
  queue: FailureQueue,
  choice: Choice,
  { claims, isNamed, config }: { claims: Pick<Claims, 'find'>; isNamed: boolean; config: Config },
): Promise<Survey & Withholds> {
  const { withheld, expired } = nothingFound(0);
  const left: Withholds = { withheld, expired };
  const found = await survey(queue, { ...choice, limit: Infinity }, (all) =>
    redrivable(all, {
      ...{ claims, isNamed, limit: choice.limit },
      withheld: (failure, why) => withhold(left[why], shownId(failure, config)),
    }),
  );
  return { ...found, ...left };
}
