/** What is written down of a redrive while it goes on, whatever the flow. */
import type { Actions } from '../coordination/actions.ts';
import type {
  CanaryOutcome,
  PassReport,
  RedriveInput,
  RedriveReport,
} from '../domain/redrive-order.ts';

/** As it stands in what is written down of operators. @param worker null for registrations */
export const redriveWord = (worker: string | null): string =>
  worker === null ? 'failures redrive' : `failures redrive --from ${worker}`;

const WORDS = /^failures redrive(?: --from (.+))?$/s;

/** The worker of a `redriveWord`; null for registrations. */
export const workerOfRedrive = (word: string): string | null => WORDS.exec(word)?.[1] ?? null;

export function redriveNotes(actions: Actions, worker: string | null) {
  const sentOf = async (_id: string): Promise<number> =>
    (await actions.collection.findOne({ _id }))?.progress?.sent ?? 0;
  return {
    begin: (action: string, said: RedriveInput['said']) =>
      actions.begin(action, { ...said, what: redriveWord(worker) }),
    sentOf,
    addSent: (action: string, count: number) => actions.addSent(action, count),
    tellCanaries(action: string, ended: readonly CanaryOutcome[], of: number): Promise<void> {
      const outcomes: Record<string, number> = {};
      for (const each of ended) outcomes[each] = (outcomes[each] ?? 0) + 1;
      return actions.tellCanaries(action, { settled: ended.length, of, outcomes });
    },
    end: async (action: string, report: PassReport): Promise<RedriveReport> => {
      const sent = await sentOf(action);
      const { isStopped, failure, canary, withheld, expired, held } = report;
      const isStoppedByCanaries = canary?.passed === false;
      const isDone = !isStopped && failure === null && !isStoppedByCanaries;
      const text = resultText(sent, report);
      const isWhole = isDone && withheld.count + expired.count + held === 0;
      await actions.end(action, isWhole, text, { isStoppedByCanaries });
      return { ...report, sent };
    },
  };
}

export const heldText = (held: number): string =>
  `${held} of the records are not in the failure queue at this moment: somebody reads it and holds them, or has taken them. "despachante failures compare" finds out, and the same redrive goes on with those that come back`;

function resultText(sent: number, report: PassReport) {
  const { left, withheld, expired, held, canary, isStopped, failure } = report;
  const parts = [
    `${sent} sent again, ${left} left`,
    withheld.count === 0 ? '' : `${withheld.count} withheld`,
    expired.count === 0
      ? ''
      : `${expired.count} withheld that may be filed and whose claims have expired: look them up, then redrive by id`,
    held === 0 ? '' : heldText(held),
    canary?.passed === false ? 'stopped after the canaries' : '',
    isStopped ? 'stopped' : '',
    failure ?? '',
  ];
  return parts.filter((part) => part !== '').join('; ');
}
