/**
 * What became of POSTs, on its way into the journal: the outcomes of one chunk in one statement where they come together,
 * and none waits for one that is still on the wire.
 */
import { soon } from '../../src/runtime/retry.ts';
import type { Closing } from '../../src/registrations/journal.ts';
import { errorFacts } from '../../src/runtime/log.ts';
import type { Dependencies } from './dependencies.ts';

/** How long an outcome waits for others of its chunk. */
const TOGETHER_MS = 100;
/**
 * How long outcomes are tried to be written. Of a call that nobody waits for this is the only place: what is not written is in
 * doubt. Whoever joins their calls meanwhile is answered, and a worker that stops waits for them no longer than it may.
 */
const WRITTEN_MS = 15 * 60_000;

interface Batch {
  closings: Closing[];
  /** Writes it now. */
  begin: () => void;
  /** Kept when it is written, or never will be. */
  written: Promise<void>;
}

export interface Outcomes {
  /** Writes one, or nothing for a call that has no outcome. Never rejects. */
  write(closing: Closing | null): Promise<void>;
}

/** @param chunk each has an outcome, or none, before all can be written at once */
export function createOutcomes(
  { journal, inFlight, log }: Pick<Dependencies, 'journal' | 'inFlight' | 'log'>,
  token: string,
  chunk: readonly { claim: string; entry: string }[],
): Outcomes {
  const claims = new Map(chunk.map(({ entry, claim }) => [entry, claim]));
  let left = chunk.length;
  let batch: Batch | null = null;

  function open(): Batch {
    let go = (): void => {};
    const begun = new Promise<void>((resolve) => (go = resolve));
    const timer = setTimeout(go, TOGETHER_MS);
    const closings: Closing[] = [];
    const written = begun.then(async () => {
      clearTimeout(timer);
      if (batch?.closings === closings) batch = null;
      await soon(WRITTEN_MS, () => journal.close(closings, token)).catch((error: unknown) => {
        // Whom Temporal has been told of is not lost. The entries stay intents, and are never sent again for it.
        const facts = { ...errorFacts(error), entries: closings.length };
        log.warn(facts, 'The journal could not be closed');
      });
      const answered = closings.map(({ entry, state }) => ({
        claim: claims.get(entry) ?? '',
        isAccepted: state === 'accepted',
      }));
      await inFlight.noteAnswered(answered).catch((error: unknown) => {
        const facts = { ...errorFacts(error), claims: answered.length };
        log.warn(
          facts,
          'What was answered is counted rightly for legacy.maxInFlight a minute later',
        );
      });
    });
    return { closings, begin: go, written };
  }

  return {
    async write(closing) {
      left -= 1;
      if (closing !== null) {
        batch ??= open();
        batch.closings.push(closing);
      }
      const mine = closing === null ? null : batch;
      if (left === 0) batch?.begin();
      await mine?.written;
    },
  };
}
