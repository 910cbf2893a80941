/** Which claims may be taken over, and how they go on. Pure. Only what the journal knows not to be filed is sent again. */
import type { Begin } from './admission.ts';
import type { Reading } from './entry.ts';

/** How the new owner goes on with the claim's entry. @param reading null where the journal has no such entry */
export function takenUp(entry: string, reading: Reading | null, mayBeFiled: boolean): Begin {
  // An inherited entry is one in doubt, and one that may have expired says nothing: the run reads the journal before it POSTs.
  if (reading === null) return { kind: mayBeFiled ? 'in-doubt' : 'claimed', entry };
  switch (reading.kind) {
    case 'accepted':
      return { kind: 'resumed', entry, requestId: reading.requestId, acceptedAt: reading.at };
    case 'on the wire':
    case 'in doubt':
      return { kind: 'in-doubt', entry };
    case 'gave way':
      return { kind: 'claimed', entry: reading.to };
    // Submitting reads the journal first: refused and abandoned ones are settled without a POST.
    case 'not sent':
    case 'refused':
    case 'abandoned':
      return { kind: 'claimed', entry };
  }
}
