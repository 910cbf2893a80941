/** One registration filed for real, outside of everything else, and shown step by step until its end. */
import { setTimeout as delay } from 'node:timers/promises';
import type { Config } from '../config/schema.ts';
import { claimKey, entryKey } from '../domain/names.ts';
import { nextPollAt } from '../domain/registrations/poll-plan.ts';
import { createLegacy, type Exchanged, type SubmitResult } from '../registrations/legacy.ts';
import { idempotencyKey } from '../registrations/journal.ts';
import { rulesOf } from '../registrations/rules.ts';

export type Tried =
  | { kind: 'registered' | 'still-processing'; requestId: string }
  | { kind: 'failed'; requestId: string; reason: string }
  | { kind: 'found' | 'absent' | 'in-doubt'; reason: string; requestId: string | null }
  | Exclude<SubmitResult, { kind: 'accepted' | 'unknown' }>;

/**
 * POSTs it once, whatever comes of that, and asks until it is over. Where the answer was lost it is looked up, if that is configured.
 * @param stop ends the asking
 */
export async function tryContract(
  config: Config,
  { id, body }: { id: string; body: Buffer },
  show: (exchanged: Exchanged) => void,
  stop: AbortSignal,
): Promise<Tried> {
  const legacy = createLegacy(config, { trace: show });
  try {
    // The first of this registration would have the same, if it came by its queue.
    const posted = await legacy.submit(body, idempotencyKey(entryKey(claimKey(id, 0), 1)));
    const acceptedAt = Date.now();
    if (posted.kind === 'unknown') return await afterDoubt(posted.reason);
    if (posted.kind !== 'accepted') return posted;
    const { requestId } = posted;
    const { plan } = rulesOf(config);
    const until = acceptedAt + config.legacy.deadline;
    let rest = posted.retryAfter ?? 0;
    while (Date.now() < until && !stop.aborted) {
      const dueAt = Math.max(nextPollAt(plan, acceptedAt, Date.now()), Date.now() + rest);
      await delay(Math.max(0, dueAt - Date.now()), null, { signal: stop }).catch(() => {});
      if (stop.aborted) break;
      const status = await legacy.status(requestId);
      if (status.kind === 'done') return { kind: 'registered', requestId };
      if (status.kind === 'failed') return { ...status, requestId };
      rest = status.retryAfter ?? 0;
    }
    return { kind: 'still-processing', requestId };
  } finally {
    await legacy.close();
  }

  async function afterDoubt(reason: string): Promise<Tried> {
    const inDoubt = { kind: 'in-doubt', reason, requestId: null } as const;
    if (config.legacy.lookup.path === null) return inDoubt;
    const looked = await legacy.lookUp(id);
    if (looked.kind === 'found') return { kind: 'found', reason, requestId: looked.requestId };
    return looked.kind === 'absent' ? { ...inDoubt, kind: 'absent' } : inDoubt;
  }
}
