/** Writes the outcomes of a chunk of POSTs into the journal: together where they come together; none waits for the wire. */
import { soon } from '../../src/runtime/retry.ts';
import type { Closing } from '../../src/registrations/journal.ts';
import { errorFacts } from '../../src/runtime/log.ts';
import { latch } from '../gathering.ts';
import type { Dependencies } from './dependencies.ts';

/** An outcome waits so long for others of its chunk. */
const TOGETHER_MS = 100;
/**
 * Writing is tried for so long: an outcome that is not written, and that no attempt waits for, is in doubt. A worker that
 * stops waits for it no longer than it may.
 */
const WRITTEN_MS = 15 * 60_000;

interface Batch {
  closings: Closing[];
  begin: () => void;
  /** Resolves when it is written, or never will be. */
  written: Promise<void>;
}

/** @param chunk all of it has come, with an outcome or without, before everything is written at once */
export function createOutcomes(
  { journal, inFlight, log }: Pick<Dependencies, 'journal' | 'inFlight' | 'log'>,
  token: string,
  chunk: readonly { claim: string; entry: string }[],
) {
  const claims = new Map(chunk.map(({ entry, claim }) => [entry, claim]));
  let left = chunk.length;
  let batch: Batch | null = null;

  function open(): Batch {
    const { open: begin, passed: begun } = latch();
    const timer = setTimeout(begin, TOGETHER_MS);
    const closings: Closing[] = [];
    const written = begun.then(async () => {
      clearTimeout(timer);
      if (batch?.closings === closings) batch = null;
      await soon(WRITTEN_MS, () => journal.close(closings, token)).catch((error: unknown) => {
        // The entries stay intents, which are never sent again; outcomes that Temporal was told of are not lost.
        const facts = { ...errorFacts(error), entries: closings.length };
        log.warn({ runbook: 'mongodb-away', ...facts }, 'The journal could not be closed');
      });
      const answered = closings.map(({ entry, state }) => ({
        claim: claims.get(entry) ?? '',
        isAccepted: state === 'accepted',
      }));
      await inFlight.noteAnswered(answered).catch((error: unknown) => {
        const facts = { ...errorFacts(error), claims: answered.length };
        log.warn(
          { runbook: 'mongodb-away', ...facts },
          'legacy.maxInFlight counts answered registrations for up to a minute more',
        );
      });
    });
    return { closings, begin, written };
  }

  return {
    /** Writes one, or nothing for a call that has no outcome. Never rejects. */
    async write(closing: Closing | null): Promise<void> {
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
