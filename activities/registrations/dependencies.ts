import type { Clock } from '../../src/mongo/clock.ts';
import type { Legacy } from '../../src/registrations/legacy.ts';
import type { Store } from '../../src/registrations/store.ts';
import type { Failures } from '../../src/broker/rabbitmq/dead-letters.ts';
import type { RunLife } from '../../src/domain/run-life.ts';
import type { Gate } from '../../src/outbound/gate.ts';
import type { UnderWay } from '../under-way.ts';
import type { InFlight } from '../../src/registrations/in-flight.ts';
import type { Learner } from '../../src/registrations/learner.ts';
import type { Plans } from '../../src/registrations/plans.ts';
import type { Metrics } from '../../src/runtime/metrics.ts';
import type { Log } from '../../src/runtime/log.ts';

/** For all activities; each factory takes what it needs of it. */
export interface Dependencies extends Pick<
  Store,
  'claims' | 'journal' | 'results' | 'records' | 'setAside'
> {
  clock: Pick<Clock, 'now'>;
  legacy: Legacy;
  failures: Failures;
  /** @throws when Temporal does not answer */
  runStates: (workflowIds: string[]) => Promise<Map<string, RunLife>>;
  gate: Gate;
  inFlight: Pick<InFlight, 'noteSent' | 'noteAnswered'>;
  underWay: UnderWay;
  learner: Pick<Learner, 'observe' | 'hasten'>;
  plans: Pick<Plans, 'replan'>;
  metrics: Metrics;
  log: Log;
  uniqueRequestIds: boolean;
  /** The longest an HTTP request to the legacy system can take, ms. */
  legacyTimeoutMs: number;
}
