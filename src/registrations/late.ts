/**
 * Late results: what had timed out is asked for again now and then, since the legacy system may finish it all the same.
 * The failure record stays as it is; the claim notes what became of it, and a redrive then brings it in.
 */
import type { Claim, Claims, LateResult } from '../claims/claims.ts';
import type { Clock } from '../mongo/clock.ts';
import type { Config } from '../config/schema.ts';
import { nextLateCheck } from '../domain/registrations/late.ts';
import { claimKey } from '../domain/names.ts';
import { labelOf } from './label.ts';
import type { Gate } from '../outbound/gate.ts';
import type { Legacy, StatusResult } from './legacy.ts';
import type { Log } from '../runtime/log.ts';
import { mapLimit } from '../runtime/map-limit.ts';

export interface LateNeeds {
  config: Config;
  store: { claims: Pick<Claims, 'collection' | 'sound'>; clock: Pick<Clock, 'now'> };
  status: Legacy['status'];
  log: Log;
}

export interface Late extends LateResult {
  /** As it may be shown. */
  id: string;
  requestId: string;
}

/** One look is for so many; the others come next. With slow answers it still ends within minutes. */
const AT_MOST = 200;
const AT_ONCE = 8;

type Watched = Omit<Claim, 'message'>;

/** Asks through the gate, like everybody. What may not be sent now is asked for by a later look. */
export const statusThrough =
  (gate: Gate, legacy: Pick<Legacy, 'status'>): Legacy['status'] =>
  async (requestId) => {
    const { wait } = await gate.take('gets', 1, gate.turn());
    if (wait !== null) return { kind: 'unreadable', ...wait };
    return legacy.status(requestId).finally(() => gate.release('gets', 1));
  };

/** Asks for each that is due, and returns those that are finished. @throws what MongoDB throws */
export async function lookForLate(needs: LateNeeds): Promise<Late[]> {
  const { collection, sound } = needs.store.claims;
  const watched = await collection
    .find({ lateCheckAt: { $lte: new Date(needs.store.clock.now()) } })
    .sort({ lateCheckAt: 1 })
    .limit(AT_MOST)
    .project<Watched>({ message: 0 })
    .toArray();
  const due = sound(watched);
  const redriven = await redrivenAmong(due, needs);
  const found = await mapLimit(due, AT_ONCE, async (claim) => {
    const requestId = claim.outcome?.requestId ?? null;
    // Whoever redrives it asks for it from now on.
    if (requestId === null || redriven.has(claim._id)) return watchUntil(null, claim, needs);
    return noted(claim, requestId, await needs.status(requestId), needs);
  });
  return found.filter((late) => late !== null);
}

async function redrivenAmong(claims: Watched[], { store }: LateNeeds): Promise<Set<string>> {
  const next = new Map(
    claims.map(({ _id, registration, generation }) => [
      claimKey(registration, generation + 1),
      _id,
    ]),
  );
  const found = await store.claims.collection
    .find({ _id: { $in: [...next.keys()] } })
    .project<Pick<Claim, '_id'>>({ _id: 1 })
    .toArray();
  return new Set(found.map(({ _id }) => next.get(_id) ?? ''));
}

/** Writes down what became of it; null while it is not finished. */
async function noted(
  claim: Watched,
  requestId: string,
  result: StatusResult,
  needs: LateNeeds,
): Promise<Late | null> {
  const { config, store, log } = needs;
  if (result.kind !== 'done' && result.kind !== 'failed') {
    const timedOutAt = claim.outcome?.at.getTime() ?? 0;
    const next = nextLateCheck(timedOutAt, store.clock.now(), config.legacy.lateFor);
    return watchUntil(next, claim, needs);
  }
  const lateResult: LateResult = { status: result.kind, at: new Date(store.clock.now()) };
  await store.claims.collection.updateOne(
    { _id: claim._id },
    { $set: { lateResult }, $unset: { lateCheckAt: '' } },
  );
  const id = labelOf(claim.registration, config);
  log.warn(
    { registration: id, requestId, status: result.kind },
    'The legacy system has finished what had timed out: redrive it, it is not POSTed again',
  );
  return { id, requestId, ...lateResult };
}

async function watchUntil(
  next: number | null,
  { _id }: Watched,
  { store }: LateNeeds,
): Promise<null> {
  await store.claims.collection.updateOne(
    { _id },
    next === null ? { $unset: { lateCheckAt: '' } } : { $set: { lateCheckAt: new Date(next) } },
  );
  return null;
}
