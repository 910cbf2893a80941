/**
 * The one gate to an endpoint, for every request: the slots of this worker, the limits across all workers, and the circuit
 * breaker. Nobody waits here for long: what cannot go through soon is given back, to wait with Temporal.
 */
import { setTimeout as delay } from 'node:timers/promises';
import type { Wait, Breaker } from './breaker.ts';
import { GATE_WAIT_MS } from '../domain/timing.ts';
import { errorFacts, type Log } from '../runtime/log.ts';
import type { Lane, Rates } from '../coordination/rates.ts';
import { createSlots, type Slots } from '../runtime/slots.ts';

/** A limit of what the endpoint has taken and not finished. */
export interface Bound {
  /** What it is called in the configuration. */
  setting: string;
  isSet(): boolean;
  /** Lets through as many as there is room for, perhaps none. @throws what MongoDB throws */
  take(wanted: number): Promise<number>;
  /** They were answered, or not sent at all. */
  release(count: number): void;
}

interface LaneLimits {
  /** What `perSecond` is called in the configuration. */
  setting: string;
  perSecond: () => number | null;
  bound?: Bound;
}

type Grant = { count: number; wait: null } | { count: 0; wait: Wait };

export type Gate = ReturnType<typeof createGate>;

interface GateNeeds {
  slots: Slots;
  breaker: Breaker;
  limits: Record<Lane, LaneLimits>;
  rates: Rates;
  log: Log;
}

const BACK_MS = 2_000;
/** Room under a limit whose asker has gone goes to the next one within this time, ms. */
const SPARE_MS = 2_000;

/** Rests that differ, so that requests do not come back together; within the breaker's IDLE_MS. */
const spread = (ms: number): number => Math.round(ms + Math.random() * Math.min(ms / 2, 10_000));

export function createGate({ slots, breaker, limits, rates, log }: GateNeeds) {
  const lines: Record<Lane, Slots> = { submits: createSlots(1), gets: createSlots(1) };
  const spare: Record<Lane, { count: number; since: number } | null> = {
    submits: null,
    gets: null,
  };

  /**
   * Waits until some may be sent: 1..wanted of them, to be released when they are answered. Or says why none may. Never throws.
   * @param isWanted whether the asker is still there; what comes too late may still be granted, and is to be released
   */
  async function take(
    lane: Lane,
    wanted: number,
    turn: number,
    isWanted = () => true,
  ): Promise<Grant> {
    const wait = breaker.wait();
    if (wait !== null) return probe(wait);
    const { perSecond, bound } = limits[lane];
    const grant =
      perSecond() === null && bound?.isSet() !== true
        ? { count: await slots.take(wanted, turn, lane), wait: null }
        : await withinLimits(lane, wanted, turn, isWanted);
    // It may have opened meanwhile.
    const since = breaker.wait();
    if (grant.wait !== null || since === null) return grant;
    slots.release(grant.count);
    bound?.release(grant.count);
    return notNow(since);
  }

  /** What is still on the wire from before could be taken for the answer to the probe. */
  async function probe(wait: Wait): Promise<Grant> {
    if (slots.onTheWire() > 0 || !(await breaker.takeProbe())) return notNow(wait);
    return { count: await slots.take(1, 0), wait: null };
  }

  /** One after the other, so that what was let through and not sent yet is never more than one piece. */
  async function withinLimits(
    lane: Lane,
    wanted: number,
    turn: number,
    isWanted: () => boolean,
  ): Promise<Grant> {
    const since = performance.now();
    await lines[lane].take(1, turn);
    try {
      if (!isWanted()) return notNow(GONE);
      const { setting, bound } = limits[lane];
      const perSecond = limits[lane].perSecond();
      if (performance.now() - since > GATE_WAIT_MS) {
        return await reached(lane, perSecond === null ? (bound?.setting ?? setting) : setting);
      }
      const handful = Math.min(wanted, slots.handful());
      const count = perSecond === null ? handful : await room(lane, handful, perSecond);
      const taken = await slots.take(count, turn, lane);
      if (!isWanted()) {
        slots.release(taken);
        // Half of a slow rate would be lost if the next asker had to wait for another piece of it.
        if (perSecond !== null) spare[lane] = { count: taken, since: performance.now() };
        return notNow(GONE);
      }
      if (bound?.isSet() !== true) return { count: taken, wait: null };
      const granted = await bound.take(taken).catch((error: unknown) => {
        slots.release(taken);
        throw error;
      });
      slots.release(taken - granted);
      return granted > 0 ? { count: granted, wait: null } : await reached(lane, bound.setting);
    } catch (error) {
      return notNow(withoutLimits(error));
    } finally {
      lines[lane].release(1);
    }
  }

  /** For one more request of somebody who has a slot. Why it may not be sent, or null. Never throws. */
  async function another(lane: Lane): Promise<Wait | null> {
    const perSecond = limits[lane].perSecond();
    if (perSecond === null) return null;
    try {
      await onTimeLine(lane, 1, perSecond);
      return null;
    } catch (error) {
      return withoutLimits(error);
    }
  }

  function withoutLimits(error: unknown): Wait {
    log.warn(
      { runbook: 'mongodb-away', ...errorFacts(error) },
      'The limits cannot be kept without MongoDB: nothing is sent',
    );
    return { reason: 'MongoDB cannot be asked for the limits', retryAfter: BACK_MS };
  }

  async function reached(lane: Lane, setting: string): Promise<Grant> {
    await rates.noteLimited(lane);
    return notNow({ reason: `${setting} is reached`, retryAfter: BACK_MS });
  }

  /** Waits for room on the time line of a limit: a new piece, or the spare one. */
  async function room(lane: Lane, handful: number, perSecond: number): Promise<number> {
    const left = spare[lane];
    spare[lane] = null;
    if (left !== null && performance.now() - left.since < SPARE_MS)
      return Math.min(handful, left.count);
    const count = Math.min(handful, piece(perSecond));
    await onTimeLine(lane, count, perSecond);
    return count;
  }

  async function onTimeLine(lane: Lane, count: number, perSecond: number): Promise<void> {
    const rate = Math.max(1, perSecond * breaker.opening());
    await delay(await rates.reserve(lane, count, rate));
  }

  return {
    /** A place in the line, to keep when asking several times. */
    turn: () => slots.turn(),
    take,
    another,
    release(lane: Lane, count: number): void {
      // Of nothing: the probe may be another's.
      if (count === 0) return;
      slots.release(count);
      limits[lane].bound?.release(count);
      if (slots.onTheWire() === 0) breaker.giveBack();
    },
  };
}

const GONE: Wait = { reason: 'nobody waits for it any more', retryAfter: 0 };

const notNow = ({ reason, retryAfter }: Wait): Grant => ({
  count: 0,
  wait: { reason, retryAfter: spread(retryAfter) },
});

/** A tenth of a second's worth: small enough to be even, large enough to be cheap. */
const piece = (perSecond: number): number => Math.max(1, Math.floor(perSecond / 10));
