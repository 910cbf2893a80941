/** One registration filed for real, outside of everything else, and shown step by step until its end. */
import { randomUUID } from 'node:crypto';
import { setTimeout as delay } from 'node:timers/promises';
import type { Config } from '../config/schema.ts';
import { plainId } from '../domain/registrations/id-type.ts';
import { parseRegistration } from '../domain/registrations/registration.ts';
import { nextPollAt } from '../domain/registrations/poll-plan.ts';
import { parseRules } from '../registrations/delivery.ts';
import { createLegacy, type Exchanged, type SubmitResult } from '../registrations/legacy.ts';
import { withStore } from '../registrations/neighbours.ts';
import { rulesOf } from '../registrations/rules.ts';

export type Tried =
  | { kind: 'registered' | 'still-processing'; requestId: string }
  | { kind: 'failed'; requestId: string; reason: string }
  | { kind: 'found' | 'absent' | 'in-doubt'; reason: string; requestId: string | null }
  | Exclude<SubmitResult, { kind: 'accepted' | 'unknown' }>;

/** Why it is not to be sent: it is none to the intake, or has another id than was said; null where it is well. */
export function whyNotToTry(
  config: Config,
  { id, body }: { id: string; body: Buffer },
): string | null {
  const parsed = parseRegistration(body, parseRules(config));
  if (!parsed.ok) return `The intake would call it malformed (${parsed.reason})`;
  return parsed.id === plainId(id, config.mongodb.matchType)
    ? null
    : `It is the registration ${parsed.id}, and --id says ${id}`;
}

/** Whether it was taken from the queue already. @throws as withStore */
export const isTaken = (config: Config, id: string): Promise<boolean> =>
  withStore(
    config,
    async ({ claims }) => (await claims.ofItem(plainId(id, config.mongodb.matchType))).length > 0,
  );

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
    // Never that of the queue's registration: a system would answer both with what came of the first.
    const posted = await legacy.submit(body, `try~${randomUUID()}`);
    const acceptedAt = Date.now();
    if (posted.kind === 'unknown') return await afterDoubt(posted.reason);
    if (posted.kind !== 'accepted') return posted;
    const { requestId } = posted;
    const { plan } = rulesOf(config);
    const until = acceptedAt + config.legacy.deadline;
    let rest = posted.retryAfter ?? 0;
    for (;;) {
      const now = Date.now();
      const dueAt = Math.max(nextPollAt(plan, acceptedAt, now), now + rest);
      if (dueAt > until) break;
      // A timer takes no more than this.
      const wait = Math.min(dueAt - now, 2 ** 31 - 1);
      await delay(wait, null, { signal: stop }).catch(() => {});
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
    const parsed = parseRegistration(body, parseRules(config));
    const looked = await legacy.lookUp((parsed.ok && parsed.writtenId) || id);
    if (looked.kind === 'found') return { kind: 'found', reason, requestId: looked.requestId };
    return looked.kind === 'absent' ? { ...inDoubt, kind: 'absent' } : inDoubt;
  }
}
