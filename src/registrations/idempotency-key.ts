import { createHash } from 'node:crypto';
import { claimOfEntry } from '../domain/names.ts';

/**
 * The same for every submission of one claim, so that a legacy system which honours it files once whatever happens on the
 * wire: also where `onUnknown: resubmit`, or an operator, opens a next entry for what had been accepted after all.
 */
export const idempotencyKey = (entry: string): string =>
  createHash('sha256').update(claimOfEntry(entry)).digest('hex').slice(0, 32);
