/** The journal entries of earlier generations that redrives go on with. */
import type { Claim } from '../../src/claims/claims.ts';
import type { Journal } from '../../src/registrations/journal.ts';
import type { Wanted } from './wanted.ts';

/**
 * Keeps them for as long as the claims, and before those are there: whoever finds a claim finds its entry, since one that is
 * not there would count as never sent. Changes nothing that anybody has written, so that it may be done in vain.
 */
export async function keepInherited(journal: Journal, all: readonly Wanted[]): Promise<void> {
  await Promise.all(
    all.map(async ({ begin, before }) => {
      if (before === null || begin.kind === 'claimed') return;
      const { entry } = begin;
      if (begin.kind === 'in-doubt') {
        await journal.keep(entry, mayBeGone(before, journal) ? GONE : null);
        return;
      }
      const { requestId, acceptedAt } = begin;
      const known = { requestId, reason: null, answeredAt: new Date(acceptedAt) };
      await journal.keep(entry, { state: 'accepted', ...known });
      // That run was told of the answer, which could not be written down.
      await journal.decide(entry, ['intent'], { state: 'accepted', ...known });
    }),
  );
}

/** Whoever redrives what was abandoned wants it decided anew; else the old word would abandon it again. */
export async function openInherited(journal: Journal, mine: readonly Wanted[]): Promise<void> {
  const doubts = mine.filter(({ begin }) => begin.kind === 'in-doubt');
  await Promise.all(
    doubts.map(({ begin: { entry } }) =>
      journal.decide(entry, ['abandoned'], { state: 'unknown', operator: null }),
    ),
  );
}

/** One that is not there and was abandoned, or is as old, has expired; any other was never opened. */
const mayBeGone = ({ outcome, receivedAt }: Claim, journal: Journal): boolean =>
  outcome?.kind === 'in-doubt' || journal.mayHaveExpired(receivedAt);

const GONE = { state: 'unknown', requestId: null, reason: 'its journal entry is gone' } as const;
