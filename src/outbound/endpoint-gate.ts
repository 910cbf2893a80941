/** The gate before an HTTP endpoint that items are delivered to: the breaker and the limit that all processes share. */
import type { Gated } from '../config/endpoint.ts';
import { openBreakerStore } from '../coordination/breaker-state.ts';
import type { ControlWatch } from '../coordination/control-watch.ts';
import { openRates } from '../coordination/rates.ts';
import type { Heard } from '../domain/registrations/statuses.ts';
import type { OwnDatabase } from '../mongo/collections.ts';
import type { Log } from '../runtime/log.ts';
import type { Metrics } from '../runtime/metrics.ts';
import { createSlots } from '../runtime/slots.ts';
import { createBreaker } from './breaker.ts';
import type { Delivered, Through } from './deliver.ts';
import { createGate } from './gate.ts';

interface Needs {
  endpoint: Gated;
  own: OwnDatabase;
  watch: ControlWatch;
  metrics: Metrics;
  log: Log;
}

export function openEndpointGate({ endpoint, own, watch, metrics, log }: Needs): Through {
  const store = openBreakerStore(own, endpoint);
  const breaker = createBreaker({ endpoint, store, watch, metrics, log });
  const lane = { setting: 'perSecond', perSecond: () => endpoint.perSecond };
  const gate = createGate({
    slots: createSlots(endpoint.concurrency),
    breaker,
    limits: { submits: lane, gets: lane },
    rates: openRates(own, endpoint.name),
    log,
  });
  return async (send) => {
    const isShut = breaker.wait() !== null;
    const { wait } = await gate.take('submits', 1, gate.turn());
    if (wait !== null) return { kind: 'held', ...wait };
    try {
      const answer = await send();
      const heard = heardIn(answer);
      if (heard !== null) breaker.observe(heard, 'reason' in answer ? answer.reason : '');
      return isShut && answer.kind === 'retry' ? probed(answer.reason) : answer;
    } finally {
      gate.release('submits', 1);
    }
  };
}

/**
 * The one request that asks whether an endpoint is back uses up no attempt. It rests until others have asked, or nobody has and the
 * breaker has closed: an item that is the trouble itself must not keep it open.
 */
const PROBED_MS = 95_000;
const probed = (reason: string): Delivered => ({ kind: 'held', reason, retryAfter: PROBED_MS });

/** An endpoint that refuses an item is well. Null where it was not asked: a probe is then given back. */
function heardIn(answer: Delivered): Heard | null {
  switch (answer.kind) {
    case 'ack':
    case 'nack':
      return 'well';
    case 'retry':
      return 'trouble';
    case 'held':
      return answer.retryAfter === 0 ? null : 'misconfigured';
    case 'changed':
      return null;
  }
}
