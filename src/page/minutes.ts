/** Writes down each minute how it was, as far as it is known. */
import { openHistory, type Minute } from '../operations/history.ts';
import type { Reach } from '../operations/reach.ts';
import { part, type Tile } from './cell.ts';
import type { Readings } from './readings.ts';

const MINUTE_MS = 60_000;
/** Whoever is late by more has not seen this minute. */
const UNWATCHED_MS = 30_000;

export function createMinutes(readings: Readings, reach: Reach) {
  let notedFor = 0;
  return {
    async note(): Promise<void> {
      const minute = Math.floor(Date.now() / MINUTE_MS);
      if (minute === notedFor) return;
      notedFor = minute;
      const now = minuteOf(readings);
      if (Object.values(now).every((each) => each === null)) return;
      await reach.store(({ own, clock }) => openHistory(own).note(now, clock.now()));
    },
  };
}

function minuteOf(readings: Readings): Minute {
  const pulse = readings.pulse.tile(UNWATCHED_MS);
  const legacy = readings.latency.tile(UNWATCHED_MS);
  const doubts = known(part(readings.doubts.tile(UNWATCHED_MS), ({ all }) => all));
  const open = known(part(pulse, (each) => each.open));
  const ofPulse = known(pulse);
  return {
    perSecond: ofPulse?.perSecond ?? null,
    waiting: known(readings.queues.tile(UNWATCHED_MS)),
    inFlight: open === null || doubts === null ? null : Math.max(0, open - doubts),
    inDoubt: doubts,
    failed: known(readings.failed.tile(UNWATCHED_MS)),
    lagP50: ofPulse?.lag.p50 ?? null,
    lagP99: ofPulse?.lag.p99 ?? null,
    legacyP50: known(legacy)?.p50 ?? null,
    legacyP99: known(legacy)?.p99 ?? null,
  };
}

/** A stale value is not that of this minute. */
const known = <T>(tile: Tile<T>): T | null => (tile.state === 'value' ? tile.value : null);
