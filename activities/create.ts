import type { Claims } from '../src/claims.ts';
import type { Clock } from '../src/clock.ts';
import type { Door } from '../src/door.ts';
import type { Failures } from '../src/failures.ts';
import type { Journal } from '../src/journal.ts';
import type { Legacy } from '../src/legacy.ts';
import type { Learner } from '../src/learner.ts';
import type { Log } from '../src/log.ts';
import type { Metrics } from '../src/metrics.ts';
import type { RunLife } from '../src/domain/takeover.ts';
import type { Plans } from '../src/plans.ts';
import type { Results } from '../src/results.ts';
import type { Unroutable } from '../src/unroutable.ts';
import { createClaim } from './claim.ts';
import { createLookUp } from './look-up.ts';
import { createPlannedPoll } from './poll.ts';
import { createRecheck } from './recheck.ts';
import { createSettle } from './settle.ts';
import { createSubmit } from './submit.ts';
import type { UnderWay } from './under-way.ts';

/** What activities work with; each factory takes what it needs of it. */
export interface Dependencies {
  claims: Claims;
  journal: Journal;
  /** What the run, and what another worker, is told of the time. */
  clock: Pick<Clock, 'now'>;
  legacy: Legacy;
  results: Results;
  failures: Failures;
  unroutable: Unroutable;
  /** Asks Temporal whether runs are alive. @throws when Temporal does not answer */
  runStates: (workflowIds: string[]) => Promise<Map<string, RunLife>>;
  door: Door;
  /** Calls that outlive the activity that began them. */
  underWay: UnderWay;
  learner: Pick<Learner, 'observe'>;
  plans: Pick<Plans, 'replan'>;
  metrics: Metrics;
  log: Log;
  /** Whether two registrations under way may not have one request id (legacy.uniqueRequestIds). */
  uniqueRequestIds: boolean;
  /** The longest an HTTP request to the legacy system can take, ms. */
  legacyTimeoutMs: number;
  /** How long what has timed out is watched for a late result, ms; 0 for not at all. */
  lateForMs: number;
}

export type Activities = ReturnType<typeof createActivities>;

/** One activity for each step of a run. */
export function createActivities(dependencies: Dependencies) {
  return {
    claim: createClaim(dependencies),
    submit: createSubmit(dependencies),
    ...createRecheck(dependencies),
    lookUp: createLookUp(dependencies),
    poll: createPlannedPoll(dependencies),
    ...createSettle(dependencies),
  };
}
