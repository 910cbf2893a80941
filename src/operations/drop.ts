/** Records out of the failure queue for good. */
import type { Config } from '../config/schema.ts';
import type { FailureMessage, FailureQueue } from '../broker/rabbitmq/dead-letter-queue.ts';
import type { Store } from '../registrations/store.ts';
import { errorFacts } from '../runtime/log.ts';
import { chosen } from './failure-choice.ts';
import type { Choice } from './failure-choice.ts';
import { shownId } from './failure-queue.ts';
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
    () => takeOut(queue, choice, config, (some) => store.records.left(some, 'dropped')),
    ({ dropped, left, lost }) =>
      `${dropped.length} dropped, ${left} left${lost === null ? '' : `; cut short: ${lost}`}`,
  );

export type Note = (records: FailureMessage[]) => Promise<void>;

/** Records that are noted, and then taken out, at a time. */
const AT_ONCE = 500;

/**
 * @param note writes down what is dropped, so that the audit can tell it from what others took. First: of a record
 * that is still in the queue it says nothing, when this is killed in between.
 * @throws what `note` throws; the records that it was to note are not taken out
 */
export async function takeOut(queue: FailureQueue, choice: Choice, config: Config, note: Note) {
  const dropped: { id: string | null; class: string | null }[] = [];
  let some: FailureMessage[] = [];
  const takeOutSome = async (): Promise<void> => {
    const taken = some;
    some = [];
    await note(taken);
    for (const failure of taken) {
      if (!queue.ack(failure)) return; // then the next one throws
      dropped.push({ id: shownId(failure, config), class: failure.failureClass });
    }
  };
  try {
    for await (const failure of chosen(queue, choice, { atCap: 0 })) {
      some.push(failure);
      if (some.length === AT_ONCE) await takeOutSome();
    }
    await takeOutSome();
  } catch (error) {
    if (!queue.gone.aborted) throw error;
  }
  const lost = queue.gone.aborted ? errorFacts(queue.gone.reason).error : null;
  return { dropped, left: queue.depth - dropped.length, lost };
}
