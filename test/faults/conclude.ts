/** The end of every scenario: wait until all is at rest, audit, and hold the invariants against it. */
import assert from 'node:assert/strict';
import { eventually } from '../helpers/eventually.ts';
import type { Flow } from '../helpers/flow.ts';
import type { Trial } from './scenario.ts';

export interface Expected {
  /** Most that may be in doubt: what can have been on the wire at once. */
  maxInDoubt: number;
  /** Epoch ms at which the fault ended; null where nothing had to recover. */
  faultEndedAt: number | null;
  /** How long it may take until all is at rest. */
  withinMs?: number;
}

/**
 * Waits until every confirmed message is registered, failed or in doubt, and nothing is in flight.
 *
 * @throws AssertionError when something is lost, filed twice, settled twice, stranded or unexpected, or too much in doubt
 */
export async function conclude(
  flow: Pick<Flow, 'audit'>,
  { maxInDoubt, faultEndedAt, withinMs = 90_000 }: Expected,
): Promise<Trial> {
  const report = await eventually(
    'everything is at rest',
    async () => {
      const found = await flow.audit();
      const { claimed, inRuns, waiting } = found.inFlight;
      assert.equal(claimed + inRuns + waiting, 0, JSON.stringify(found));
      return found;
    },
    withinMs,
  );
  const recoverySeconds =
    faultEndedAt === null ? null : Math.max(0, Date.now() - faultEndedAt) / 1_000;
  assert.ok(report.holds, JSON.stringify(report));
  assert.deepEqual(report.unexpected, []);
  assert.ok(report.inDoubt <= maxInDoubt, `${report.inDoubt} in doubt, at most ${maxInDoubt}`);
  return {
    registrations: report.confirmed ?? 0,
    lost: report.lost.length,
    filedTwice: report.filedTwice.length,
    settledTwice: report.settledTwice.length,
    inDoubt: report.inDoubt,
    recoverySeconds,
  };
}
