/**
 * Taking up again what a dead run has left: whose claim may be taken, and how its new owner goes on. Pure. What may have
 * been on the wire is never sent again: only what the journal knows not to be filed is.
 */
import type { Begin } from './admission.ts';
import type { Reading } from './entry.ts';

/** What Temporal says of the latest run under a workflow id. `closed`: however it ended. `unknown`: not known (any more). */
export type RunLife = 'running' | 'closed' | 'unknown';

/** Nobody goes on with it: a run that is closed ran its last code, however it ended. */
export const isDead = (run: RunLife): boolean => run !== 'running';

/** How the new owner goes on with the entry that the claim has, by what that means; null: it is not in the journal. */
export function takenUp(entry: string, reading: Reading | null, isInherited: boolean): Begin {
  // It goes on from a doubt, whose entry may have been opened or not: the run reads the journal before it POSTs.
  if (reading === null) return { kind: isInherited ? 'in-doubt' : 'claimed', entry };
  switch (reading.kind) {
    case 'accepted':
      return { kind: 'resumed', entry, requestId: reading.requestId, acceptedAt: reading.at };
    case 'on the wire':
    case 'in doubt':
      return { kind: 'in-doubt', entry };
    case 'gave way':
      return { kind: 'claimed', entry: reading.to };
    // Submitting reads the journal first, and so settles what was refused or abandoned without a POST.
    case 'not sent':
    case 'refused':
    case 'abandoned':
      return { kind: 'claimed', entry };
  }
}
