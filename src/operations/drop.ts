/** Records out of the failure queue for good. */
import type { Config } from '../config/schema.ts';
import type { FailureQueue } from '../broker/rabbitmq/dead-letter-queue.ts';
import type { Records } from '../claims/records.ts';
import type { Store } from '../registrations/store.ts';
import { chunks } from '../runtime/chunks.ts';
import { errorFacts } from '../runtime/log.ts';
import { chosen, type Choice, type Passed } from './failure-choice.ts';
import { isOurs, shownId } from './failure-queue.ts';
import type { Said } from './said.ts';

/** Writes each down, and takes it out. @throws as takeOut */
export const drop = (
  queue: FailureQueue,
  choice: Choice,
  { config, store }: { config: Config; store: Pick<Store, 'records' | 'actions'> },
  said: Said & { on: string },
) =>
  store.actions.act(
    { ...said, what: 'failures drop' },
    () => takeOut(queue, choice, config, store.records),
    ({ dropped, left, lost }) =>
      `${dropped.length} dropped, ${left} left${lost === null ? '' : `; cut short: ${lost}. ${DOUBTFUL}`}`,
  );

/** For whoever reads that it was cut short. */
export const DOUBTFUL =
  'The last of those dropped may be in the queue still: "failures compare" finds them and writes it down';

/** Records that are noted, and then taken out, at a time. */
const AT_ONCE = 500;

/**
 * @param records are told what is dropped, so that the audit can tell it from what others took. First: a record that is gone
 * and not noted would count as taken by others. The note on a record that stays is taken back.
 * @throws what `records` throw; the records that were to be noted are not taken out
 */
export async function takeOut(
  queue: FailureQueue,
  choice: Choice,
  config: Config,
  records: Records,
) {
  const passed: Passed = { atCap: 0, foreign: 0 };
  const dropped: { id: string | null; class: string | null }[] = [];
  try {
    for await (const taken of chunks(chosen(queue, choice, passed), AT_ONCE)) {
      // With --foreign those of others, too: a note of ours may have the name of theirs.
      const ours = new Set(taken.filter((failure) => isOurs(failure, config)));
      await records.left([...ours], 'dropped');
      for (const failure of taken) {
        if (!queue.ack(failure)) continue;
        ours.delete(failure);
        dropped.push({ id: shownId(failure, config), class: failure.failureClass });
      }
      await records.back([...ours]);
    }
  } catch (error) {
    if (!queue.gone.aborted) throw error;
  }
  const lost = queue.gone.aborted ? errorFacts(queue.gone.reason).error : null;
  return { dropped, left: queue.depth - dropped.length, foreign: passed.foreign, lost };
}
