/** Records back to the intake queue, and out of the failure queue once that is confirmed. */
import type { RecordSeen } from '../claims/records.ts';
import type { Config } from '../config/schema.ts';
import type { FailureMessage, FailureQueue } from '../broker/rabbitmq/dead-letter-queue.ts';
import { publishAll } from '../broker/rabbitmq/publish-all.ts';
import { createPublisher } from '../broker/rabbitmq/publisher.ts';
import type { Publisher } from '../broker/rabbitmq/publisher.ts';
import { redrivable } from '../registrations/redrivable.ts';
import type { Store } from '../registrations/store.ts';
import { silent } from '../runtime/log.ts';
import { tryCanaries } from './canary-trial.ts';
import type { CanaryReport } from './canary-trial.ts';
import { chosen } from './failure-choice.ts';
import type { Choice, Passed } from './failure-choice.ts';
import { shownId } from './failure-queue.ts';
import type { Said } from './said.ts';

export interface Redriven extends Passed {
  redriven: { id: string | null; class: string | null }[];
  /** Left in the failure queue: their token does not count, so that they would be dropped as duplicates. */
  withheld: { id: string | null; class: string | null }[];
  /** Sent and not confirmed. */
  failed: number;
  /** Why the first was not. */
  reason: string | null;
  left: number;
  canary: CanaryReport | null;
  interrupted: boolean;
  /** How the failure queue was lost, if it was. */
  lost: string | null;
}

export interface RedriveOptions {
  /** At most so many a second; null for as fast as it goes. */
  perSecond: number | null;
  /** So many first, and the others only if all of those are registered; null for none. */
  canary: { count: number; timeoutMs: number } | null;
  /** Ends it: what is on its way is waited for, and the rest stays where it is. */
  signal: AbortSignal;
  onSent?: () => void;
  /** How many canaries have an outcome. */
  onCanaries?: (settled: number, of: number) => void;
}

/** Confirms that are waited for at once: what a kill between confirm and acknowledgement can leave in both queues. */
const WINDOW = 100;
/** Noted in one statement. */
const AT_ONCE = 1_000;

interface Needs {
  config: Config;
  store: Pick<Store, 'claims' | 'records' | 'actions'>;
}

/** @throws what a neighbour throws; doing it again is harmless */
export const redrive = (
  queue: FailureQueue,
  choice: Choice,
  options: RedriveOptions,
  needs: Needs,
  said: Said & { on: string },
): Promise<Redriven> =>
  needs.store.actions.act(
    { ...said, what: 'failures redrive' },
    () => sendAgain(queue, choice, options, needs),
    resultText,
  );

function resultText({ redriven, withheld, failed, left, canary, ...how }: Redriven): string {
  const parts = [
    `${redriven.length} sent again, ${left} left`,
    withheld.length === 0 ? '' : `${withheld.length} withheld`,
    failed === 0 ? '' : `${failed} not confirmed`,
    canary?.passed === false ? 'stopped after the canaries' : '',
    how.interrupted ? 'interrupted' : '',
    how.lost === null ? '' : `the queue was lost: ${how.lost}`,
  ];
  return parts.filter((part) => part !== '').join('; ');
}

async function sendAgain(
  queue: FailureQueue,
  choice: Choice,
  options: RedriveOptions,
  { config, store: { claims, records } }: Needs,
): Promise<Redriven> {
  const result: Redriven = {
    redriven: [],
    atCap: 0,
    withheld: [],
    failed: 0,
    reason: null,
    left: 0,
    canary: null,
    interrupted: false,
    lost: null,
  };
  /** Acknowledged and not noted. A run that claims them notes it, too, so that a kill in between loses no note. */
  const moved: RecordSeen[] = [];
  const stop = AbortSignal.any([options.signal, queue.gone]);
  const publisher = await publisherOf(config);
  const isSent = (): boolean => result.failed === 0 && !stop.aborted;
  const source = redrivable(claims, chosen(queue, choice, result), (failure) => {
    result.withheld.push(told(failure));
  });
  try {
    if (options.canary !== null) {
      result.canary = await tryCanaries(source, options.canary, {
        config,
        claims,
        stop,
        send,
        isSent,
        onSettled: options.onCanaries ?? (() => {}),
      });
    }
    const goesOn = result.canary === null || result.canary.passed;
    if (goesOn && isSent()) await send(source);
  } catch (error) {
    if (!queue.gone.aborted) throw error;
  } finally {
    await publisher.close();
  }
  result.left = queue.depth - result.redriven.length;
  result.interrupted = options.signal.aborted;
  if (queue.gone.aborted) result.lost = String(queue.gone.reason);
  return result;

  async function send(messages: AsyncIterable<FailureMessage> | FailureMessage[]): Promise<void> {
    const { failed, reason } = await publishAll({
      publisher,
      queue: config.rabbit.intakeQueue,
      messages,
      window: WINDOW,
      perSecond: options.perSecond,
      signal: stop,
      onConfirmed(failure) {
        options.onSent?.();
        // Lost now, it is in both queues: redriven again, it meets its own claim and is dropped as a duplicate.
        if (!queue.ack(failure)) return;
        result.redriven.push(told(failure));
        moved.push({ claim: failure.claim, at: failure.at });
      },
    });
    result.failed += failed;
    result.reason ??= reason;
    for (let some = moved.splice(0, AT_ONCE); some.length > 0; some = moved.splice(0, AT_ONCE))
      await records.left(some, 'redriven');
  }

  function told(failure: FailureMessage): Redriven['redriven'][number] {
    return { id: shownId(failure, config), class: failure.failureClass };
  }
}

const publisherOf = ({ amqpUrl: url, rabbit }: Config): Promise<Publisher> =>
  createPublisher({
    url,
    heartbeatMs: rabbit.heartbeat,
    tls: rabbit.tls,
    name: 'despachante redrive',
    log: silent,
  });
