import { entryNumber } from '../domain/names.ts';
import type { Entry } from './journal.ts';

/** Submissions that were on the wire, up to a journal entry; each earlier one was, or no operator would have opened the next. */
export const attemptsOf = (key: string, entry: Pick<Entry, 'tries'> | undefined): number =>
  entry === undefined || entry.tries === 0 ? 0 : entry.tries + entryNumber(key) - 1;
