/** The end of every scenario: wait until all is at rest, audit, and hold the invariants against it. */
import assert from 'node:assert/strict';
import { eventually } from '../helpers/eventually.ts';
import type { Flow } from '../helpers/flow.ts';
import type { Audited } from '../../src/audit/run-audit.ts';
import type { FailureClass } from '../../src/domain/registrations/outcome.ts';
import type { Trial } from './scenario.ts';

export interface Expected {
  /** Most that may be in doubt: what can have been on the wire at once. */
  maxInDoubt: number;
  /** Epoch ms at which the fault ended; null where nothing had to recover. */
  faultEndedAt: number | null;
  /** How long it may take until all is at rest. */
  withinMs?: number;
  /** How failures may end, beside being refused, failed or malformed; as `any`, the scenario looks itself. */
  alsoEnds?: readonly FailureClass[] | 'any';
  /** What somebody takes out of the failure queue, told once all is at rest. Nobody does in the other scenarios: there what is not in it is lost. */
  takenByOthers?: () => number;
  /** Whether some are filed again on somebody's word, a redrive's say. */
  filesAgain?: boolean;
}

/** What the loads of the scenarios hold of each: one in five is refused, and one in five fails. */
const MOST = 0.21;

/**
 * Waits until every confirmed message is registered, failed or in doubt, and nothing is in flight.
 *
 * @throws AssertionError when something is lost, filed twice, settled twice, stranded or unexpected, or too much in doubt
 */
export async function conclude(
  flow: Pick<Flow, 'audit'>,
  {
    maxInDoubt,
    faultEndedAt,
    withinMs = 90_000,
    alsoEnds = [],
    takenByOthers,
    filesAgain = false,
  }: Expected,
): Promise<Trial> {
  const report = await eventually(
    'everything is at rest',
    async () => {
      const found = await flow.audit();
      const { claimed, inRuns, waiting } = found.inFlight;
      assert.equal(claimed + inRuns + waiting, 0, JSON.stringify(found));
      // What a cancelled run finds in doubt is so for a moment, until it ends in the failure queue.
      assert.ok(found.inDoubt <= maxInDoubt, `${found.inDoubt} in doubt, at most ${maxInDoubt}`);
      // Copies of what is accounted for may be those that are filed twice.
      assert.deepEqual(found.moving, { queued: 0, unclaimed: 0 }, JSON.stringify(found));
      const taken = found.taken.byOthers + found.untraced.length;
      assert.equal(taken, takenByOthers?.() ?? 0, JSON.stringify(found));
      return found;
    },
    withinMs,
  );
  const recoverySeconds =
    faultEndedAt === null ? null : Math.max(0, Date.now() - faultEndedAt) / 1_000;
  assert.ok(report.holds, JSON.stringify(report));
  assert.deepEqual(report.unexpected, []);
  assert.ok(report.hasLegacyLedger, 'without it nobody would know what was filed twice');
  if (!filesAgain)
    assert.equal(report.filedAgain, 0, 'nobody has said that anything may be filed again');
  if (alsoEnds !== 'any') assertEnds(report, alsoEnds);
  return {
    registrations: report.confirmed ?? 0,
    lost: report.lost.length,
    filedTwice: report.filedTwice.length,
    settledTwice: report.settledTwice.length,
    inDoubt: report.inDoubt,
    recoverySeconds,
  };
}

/** A fault delays registrations, and fails none. */
function assertEnds({ failed, confirmed }: Audited, alsoEnds: readonly FailureClass[]): void {
  const usual: readonly FailureClass[] = ['rejected', 'failed', 'malformed', ...alsoEnds];
  for (const [kind, count] of Object.entries(failed)) {
    assert.ok(
      usual.some((each) => each === kind),
      `${count} ended as ${kind}`,
    );
  }
  for (const kind of ['rejected', 'failed'] as const) {
    const most = Math.ceil((confirmed ?? 0) * MOST);
    assert.ok(
      (failed[kind] ?? 0) <= most,
      `${failed[kind]} ended as ${kind}, at most ${most} should`,
    );
  }
}
