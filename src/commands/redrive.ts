/** `failures redrive`: back to the intake queue, and out of the failure queue once that is confirmed. */
import type { Command } from 'commander';
import { outcomesOf, readyCanaries } from '../operations/canary.ts';
import type { Canary } from '../operations/canary.ts';
import type { Claims } from '../claims/claims.ts';
import type { Config } from '../config/schema.ts';
import type { FailureMessage, FailureQueue } from '../broker/rabbitmq/dead-letter-queue.ts';
import { silent } from '../runtime/log.ts';
import { publishAll } from '../broker/rabbitmq/publish-all.ts';
import { redrivable } from '../registrations/redrivable.ts';
import { createPublisher } from '../broker/rabbitmq/publisher.ts';
import { load, globals } from './context.ts';
import { askFirst, chosen, survey } from './failure-choice.ts';
import type { Choice } from './failure-choice.ts';
import { matcher, notFound, requireSelection, shownId, withFailures } from './failure-selection.ts';
import type { Selection } from './failure-selection.ts';
import { withStore } from './neighbours.ts';
import { showProgress } from './progress.ts';
import { tellDryRun, tellRedrive } from './redrive-report.ts';
import type { CanaryReport, Redriven } from './redrive-report.ts';
import { number } from './table.ts';

export interface RedriveOptions extends Selection {
  yes?: boolean;
  dryRun?: boolean;
  rate?: number;
  maxRedrives: number;
  canary?: number;
  canaryTimeout: number;
}

export async function redrive(
  ids: string[],
  options: RedriveOptions,
  command: Command,
): Promise<void> {
  requireSelection(ids, options);
  const { config } = load(command);
  const json = globals(command).json === true;
  const whole: Choice = {
    matches: matcher(ids, options, config),
    limit: options.limit ?? Infinity,
    maxRedrives: options.maxRedrives,
  };
  if (options.dryRun === true) {
    const found = await survey(config, whole);
    if (ids.length > 0 && found.selected + found.atCap === 0) throw notFound(ids);
    return tellDryRun(found, options, json);
  }
  // Whoever names them, or says --all, has said which: no question then, as scripts have nobody to answer it.
  const isMeant = ids.length > 0 || options.all === true || options.yes === true;
  const choice = isMeant ? whole : await askFirst(config, whole, 'redrive');
  const result = await withFailures(config, (queue) =>
    withStore(config, ({ claims }) => sendAgain(queue, choice, options, { config, claims })),
  );
  const { redriven, failed, atCap, withheld } = result;
  const isNothing = redriven.length + failed + atCap + withheld.length === 0;
  if (ids.length > 0 && isNothing && result.lost === null) throw notFound(ids);
  tellRedrive(result, options, { config, json });
}

/** Confirms that are waited for at once: what a kill between confirm and acknowledgement can leave in both queues. */
const WINDOW = 100;

async function sendAgain(
  queue: FailureQueue,
  choice: Choice,
  options: RedriveOptions,
  { config, claims }: { config: Config; claims: Claims },
): Promise<Redriven> {
  const { amqpUrl: url, rabbit } = config;
  const interrupt = new AbortController();
  const onSignal = (): void => interrupt.abort();
  process.once('SIGINT', onSignal).once('SIGTERM', onSignal);
  const stop = AbortSignal.any([interrupt.signal, queue.gone]);
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
  const publisher = await createPublisher({
    url,
    heartbeatMs: rabbit.heartbeat,
    tls: rabbit.tls,
    name: 'despachante redrive',
    log: silent,
  });

  async function send(messages: AsyncIterable<FailureMessage> | FailureMessage[]): Promise<void> {
    const progress = showProgress(
      ({ done, seconds }) =>
        `${number(done)} of at most ${number(Math.min(queue.depth, choice.limit))} sent again, ${number(Math.round(done / seconds))} a second`,
    );
    const { failed, reason } = await publishAll({
      publisher,
      queue: rabbit.intakeQueue,
      messages,
      window: WINDOW,
      perSecond: options.rate ?? null,
      signal: stop,
      onConfirmed(failure) {
        progress.step();
        // Lost now, it is in both queues: redriven again, it meets its own claim and is dropped as a duplicate.
        if (!queue.ack(failure)) return;
        result.redriven.push({ id: shownId(failure, config), class: failure.failureClass });
      },
    }).finally(() => progress.end());
    result.failed += failed;
    result.reason ??= reason;
  }

  const source = redrivable(claims, chosen(queue, choice, result), (failure) => {
    result.withheld.push({ id: shownId(failure, config), class: failure.failureClass });
  });
  try {
    if (options.canary !== undefined) {
      result.canary = await tryCanaries(source, options.canary, options, {
        config,
        claims,
        stop,
        send,
        isSent: () => result.failed === 0 && !stop.aborted,
      });
    }
    const goesOn = result.canary === null || result.canary.passed;
    if (goesOn && result.failed === 0 && !stop.aborted) await send(source);
  } catch (error) {
    if (!queue.gone.aborted) throw error;
  } finally {
    process.off('SIGINT', onSignal).off('SIGTERM', onSignal);
    await publisher.close();
  }
  result.left = queue.depth - result.redriven.length;
  result.interrupted = interrupt.signal.aborted;
  if (queue.gone.aborted) result.lost = String(queue.gone.reason);
  return result;
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

async function tryCanaries(
  source: AsyncGenerator<FailureMessage>,
  wanted: number,
  { canaryTimeout: timeoutMs }: RedriveOptions,
  work: {
    config: Config;
    claims: Claims;
    stop: AbortSignal;
    send: (failures: FailureMessage[]) => Promise<void>;
    isSent: () => boolean;
  },
): Promise<CanaryReport> {
  const { claims } = work;
  const { sent, failures, canaries } = await chooseCanaries(claims, source, wanted);
  await work.send([...sent, ...failures]);
  if (!work.isSent()) return { passed: false, outcomes: [] };
  let count = 0;
  const progress = showProgress(
    ({ seconds }) =>
      `${count} of ${canaries.length} canaries have an outcome, after ${seconds.toFixed(0)} s`,
  );
  const outcomes = await outcomesOf(claims, canaries, {
    timeoutMs,
    stop: work.stop,
    settled: (settled) => void (count = settled),
  }).finally(() => progress.end());
  return {
    passed: outcomes.every((outcome) => outcome === 'registered'),
    outcomes: outcomes.map((outcome, at) => {
      const failure = failures[at];
      return { id: failure === undefined ? null : shownId(failure, work.config), outcome };
    }),
  };
}
