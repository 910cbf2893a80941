// What the simulator does with a registration: pure, from the seed, the registration id, what the registration asks for
// and what has happened to it before.
import type { Behaviour } from './behaviour.ts';
import { draw } from './draw.ts';
import type { Orders } from './orders.ts';

/** How often each of these has happened to one registration id. */
export type Past = Record<'throttle' | 'error' | 'refuse' | 'lose' | 'fail', number>;

export type Final = 'done' | 'failed' | 'never';

export type Decision =
  | { kind: 'throttle' | 'error'; status: number; retryAfterSeconds: number | null }
  | { kind: 'refuse'; reason: string }
  | { kind: 'file'; latencyMs: number; final: Final; reason: string; loseAnswer: boolean };

/** All that a decision depends on. */
export interface Case {
  seed: number;
  behaviour: Behaviour;
  id: string;
  orders: Orders;
  past: Past;
}

const refusals = [
  'CPF inválido',
  'nome ausente',
  'data de nascimento no futuro',
  'CEP inexistente',
  'município desconhecido',
];
const failures = [
  'documento ilegível',
  'divergência cadastral',
  'cartório não respondeu',
  "Run-time error '13': Type mismatch",
];

/** What becomes of a POST. */
export function decide(it: Case): Decision {
  const { behaviour, orders } = it;
  if (isThrottled(it)) {
    const retryAfterSeconds = orders.retryAfterSeconds ?? behaviour.retryAfterSeconds;
    return { kind: 'throttle', status: 429, retryAfterSeconds };
  }
  if (isError(it)) {
    const status = orders.errorStatus ?? behaviour.errorStatus;
    return { kind: 'error', status, retryAfterSeconds: orders.retryAfterSeconds ?? null };
  }
  const refusal = reasonOf(it, 'refuse', orders.refuseTimes, behaviour.refuseShare, refusals);
  if (refusal !== null) return { kind: 'refuse', reason: refusal };

  const latencyMs = orders.latencyMs ?? between(it, 'latency', behaviour.latency);
  const filing = { kind: 'file', latencyMs, loseAnswer: losesAnswer(it) } as const;
  if (orders.neverFinish ?? drawn(it, 'never-finish', behaviour.neverFinishShare)) {
    return { ...filing, final: 'never', reason: '' };
  }
  const failure = reasonOf(it, 'fail', orders.failTimes, behaviour.failShare, failures);
  if (failure !== null) return { ...filing, final: 'failed', reason: failure };
  return { ...filing, final: 'done', reason: '' };
}

/** Milliseconds between the acceptance of a POST and its answer. */
export function answerDelayMs(it: Case): number {
  return it.orders.answerDelayMs ?? between(it, 'answer-delay', it.behaviour.answerDelay);
}

function isThrottled(it: Case): boolean {
  const { throttleTimes } = it.orders;
  if (throttleTimes !== undefined) return it.past.throttle < throttleTimes;
  return drawn(it, 'throttle', it.behaviour.throttleShare, attempt(it.past));
}

function isError(it: Case): boolean {
  const { errorStatus, errorTimes } = it.orders;
  if (errorTimes !== undefined) return it.past.error < errorTimes;
  return errorStatus !== undefined || drawn(it, 'error', it.behaviour.errorShare, attempt(it.past));
}

function losesAnswer(it: Case): boolean {
  const { loseAnswer, loseAnswerTimes } = it.orders;
  if (loseAnswer !== undefined) return loseAnswer && it.past.lose < (loseAnswerTimes ?? 1);
  return drawn(it, 'lose-answer', it.behaviour.loseAnswerShare, attempt(it.past));
}

function reasonOf(
  it: Case,
  what: 'refuse' | 'fail',
  times: number | undefined,
  share: number,
  reasons: readonly string[],
): string | null {
  const ordered = it.orders[what];
  if (ordered !== undefined) return it.past[what] < (times ?? Infinity) ? ordered : null;
  if (!drawn(it, what, share)) return null;
  const place = Math.floor(draw(it.seed, it.id, `${what}-reason`) * reasons.length);
  return reasons[place] ?? what;
}

// An id that was turned away or lost its answer draws anew at its next attempt: with the id alone in the hash, a share
// of 0.1 would lock a tenth of the registrations out for ever.
function attempt(past: Past): number {
  return past.throttle + past.error + past.lose;
}

function drawn(it: Case, name: string, share: number, attempt = 0): boolean {
  return share > 0 && draw(it.seed, it.id, name, attempt) < share;
}

function between(it: Case, name: string, range: { minMs: number; maxMs: number }): number {
  return range.minMs + Math.floor(draw(it.seed, it.id, name) * (range.maxMs - range.minMs + 1));
}
