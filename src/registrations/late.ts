/** Asks once a day for what had timed out: the legacy system may finish it all the same, and a redrive then brings it in. */
import type { Claim, Claims } from '../claims/claims.ts';
import { toBeCounted } from '../claims/ungrouped.ts';
import type { Clock } from '../mongo/clock.ts';
import type { Config } from '../config/schema.ts';
import { labelOf } from '../intake/label.ts';
import type { Gate } from '../outbound/gate.ts';
import type { PollReading } from '../domain/registrations/contract.ts';
import type { Legacy } from './legacy.ts';
import type { Log } from '../runtime/log.ts';
import { mapLimit } from '../runtime/map-limit.ts';

interface LateNeeds {
  config: Config;
  store: { claims: Pick<Claims, 'collection' | 'sound'>; clock: Pick<Clock, 'now'> };
  /** Null: nobody was asked. */
  status: (requestId: string) => Promise<PollReading | null>;
  log: Log;
}

/** Registrations in one look, so that it ends within minutes when answers are slow. */
const AT_MOST = 200;
const AT_ONCE = 8;

/** ms between two looks at one registration. */
const EACH = 24 * 3_600_000;

type Watched = Omit<Claim, 'message'>;

/** Asks through the gate. What may not be sent now is asked for by a later look. */
export const statusThrough =
  (gate: Gate, legacy: Pick<Legacy, 'status'>): LateNeeds['status'] =>
  async (requestId) => {
    const { wait } = await gate.take('gets', 1, gate.turn());
    if (wait !== null) return null;
    return legacy
      .status(requestId, () => gate.another('gets'))
      .finally(() => gate.release('gets', 1));
  };

/** What is finished of what timed out within `legacy.maxOpen` and was not asked for today. @throws what MongoDB throws */
export async function lookForLate({ config, store, status, log }: LateNeeds) {
  const { collection, sound } = store.claims;
  const now = store.clock.now();
  const due = await collection
    .find({
      'outcome.kind': 'timed-out',
      'outcome.requestId': { $ne: null },
      settledAt: { $gt: new Date(now - config.legacy.maxOpen) },
      lateLookAt: { $not: { $gt: new Date(now - EACH) } },
      lateResult: { $exists: false },
      // Its redrive asks for it from now on.
      'gone.as': { $ne: 'redriven' },
    })
    .sort({ settledAt: 1 })
    .limit(AT_MOST)
    .project<Watched>({ message: 0 })
    .toArray();
  const found = await mapLimit(
    sound(due),
    AT_ONCE,
    async ({ _id, item: registration, outcome }) => {
      const requestId = outcome?.requestId ?? '';
      const answer = await status(requestId);
      if (answer === null) return null;
      const { kind } = answer;
      const at = new Date(store.clock.now());
      if (kind !== 'done' && kind !== 'failed') {
        await collection.updateOne({ _id }, { $set: { lateLookAt: at } });
        return null;
      }
      const { modifiedCount } = await collection.updateOne(
        { _id, lateResult: { $exists: false } },
        { $set: { lateResult: { status: kind, at }, ...toBeCounted() } },
      );
      // Another sweep was first, and has told it.
      if (modifiedCount === 0) return null;
      const id = labelOf(registration, config);
      log.warn(
        { runbook: 'late-results', registration: id, requestId, status: kind },
        'The legacy system has finished a registration that had timed out: redrive it, it is not POSTed again',
      );
      return { id, requestId, status: kind, at };
    },
  );
  return found.filter((late) => late !== null);
}
