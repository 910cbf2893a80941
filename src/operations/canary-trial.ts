/** A redrive of some records first: their outcomes decide about the others. */
import type { Claims } from '../claims/claims.ts';
import type { Config } from '../config/schema.ts';
import type { FailureMessage } from '../broker/rabbitmq/dead-letter-queue.ts';
import { outcomesOf, readyCanaries } from './canary.ts';
import type { Canary, CanaryOutcome } from './canary.ts';
import { shownId } from './failure-queue.ts';

export interface CanaryReport {
  /** All were registered. */
  passed: boolean;
  /** Empty when not all could be sent. */
  outcomes: { id: string | null; outcome: CanaryOutcome }[];
}

interface Trial {
  config: Config;
  claims: Claims;
  stop: AbortSignal;
  send: (failures: FailureMessage[]) => Promise<void>;
  /** Whether all that was to be sent was. */
  isSent: () => boolean;
  onSettled: (settled: number, of: number) => void;
}

/** Sends the first that no earlier redrive has sent, and waits for their outcomes. */
export async function tryCanaries(
  source: AsyncGenerator<FailureMessage>,
  { count, timeoutMs }: { count: number; timeoutMs: number },
  { config, claims, stop, send, isSent, onSettled }: Trial,
): Promise<CanaryReport> {
  const { sent, failures, canaries } = await chooseCanaries(claims, source, count);
  await send([...sent, ...failures]);
  if (!isSent()) return { passed: false, outcomes: [] };
  const outcomes = await outcomesOf(claims, canaries, {
    timeoutMs,
    stop,
    settled: (settled) => onSettled(settled, canaries.length),
  });
  return {
    passed: outcomes.every((outcome) => outcome === 'registered'),
    outcomes: outcomes.map((outcome, at) => {
      const failure = failures[at];
      return { id: failure === undefined ? null : shownId(failure, config), outcome };
    }),
  };
}

/** Not by a loop that is left: that would end the source, and the others come from it. */
async function firstOf(
  source: AsyncGenerator<FailureMessage>,
  count: number,
): Promise<FailureMessage[]> {
  const taken: FailureMessage[] = [];
  while (taken.length < count) {
    const next = await source.next();
    if (next.done === true) break;
    taken.push(next.value);
  }
  return taken;
}

/** The first that were not sent by an earlier redrive, and those that were, which come before them. */
async function chooseCanaries(
  claims: Claims,
  source: AsyncGenerator<FailureMessage>,
  wanted: number,
): Promise<{ sent: FailureMessage[]; failures: FailureMessage[]; canaries: Canary[] }> {
  const sent: FailureMessage[] = [];
  const failures: FailureMessage[] = [];
  const canaries: Canary[] = [];
  while (canaries.length < wanted) {
    const next = await firstOf(source, wanted - canaries.length);
    if (next.length === 0) break;
    const ready = await readyCanaries(claims, next);
    for (const [at, failure] of next.entries()) {
      const canary = ready[at] ?? null;
      if (canary === null) sent.push(failure);
      else {
        failures.push(failure);
        canaries.push(canary);
      }
    }
  }
  return { sent, failures, canaries };
}
