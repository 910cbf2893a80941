import type { Claims } from '../../src/claims/claims.ts';
import type { Journal } from '../../src/registrations/journal.ts';
import type { Clock } from '../../src/mongo/clock.ts';
import type { Legacy } from '../../src/registrations/legacy.ts';
import type { Results } from '../../src/registrations/results.ts';
import type { Failures } from '../../src/broker/rabbitmq/dead-letters.ts';
import type { Records } from '../../src/claims/records.ts';
import type { SetAside } from '../../src/claims/set-aside.ts';
import type { RunLife } from '../../src/domain/registrations/takeover.ts';
import type { Gate } from '../../src/outbound/gate.ts';
import type { UnderWay } from '../under-way.ts';
import type { InFlight } from '../../src/registrations/in-flight.ts';
import type { Learner } from '../../src/registrations/learner.ts';
import type { Plans } from '../../src/registrations/plans.ts';
import type { Metrics } from '../../src/runtime/metrics.ts';
import type { Log } from '../../src/runtime/log.ts';

/** What activities work with; each factory takes what it needs of it. */
export interface Dependencies {
  claims: Claims;
  journal: Journal;
  /** What the run, and what another worker, is told of the time. */
  clock: Pick<Clock, 'now'>;
  legacy: Legacy;
  results: Results;
  failures: Failures;
  /** What became of failure records. */
  records: Records;
  setAside: SetAside;
  /** Asks Temporal whether runs are alive. @throws when Temporal does not answer */
  runStates: (workflowIds: string[]) => Promise<Map<string, RunLife>>;
  gate: Gate;
  inFlight: Pick<InFlight, 'noteSent' | 'noteAnswered'>;
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
}
