/** From deliveries to runs. Reading order: onDelivery → (no item: reject) → gatherer → startBatch → acknowledge. */
import { setTimeout as delay } from 'node:timers/promises';
import type { Delivery, OpenSource } from '../broker/source.ts';
import { failpoint } from '../runtime/failpoint.ts';
import { errorFacts, type Log, type Page } from '../runtime/log.ts';
import type { Metrics } from '../runtime/metrics.ts';
import { insist, unlessAborted } from '../runtime/retry.ts';
import type { StartResult } from '../temporal/client.ts';
import { createGatherer } from './gather.ts';
import { createValve, type Valve } from './valve.ts';

/** A delivery as an item of a run, or why it is none; the reason tells nothing of its content. */
export type Read<T> = { ok: true; item: T } | { ok: false; reason: string };

interface IntakeNeeds<T> {
  /** The name of the source, by which it is paused and counted. */
  source: string;
  open: OpenSource;
  /** Never throws, and never rejects. */
  read(delivery: Delivery): Read<T> | Promise<Read<T>>;
  /** The bytes that an item adds to a run's input. */
  bytesOf(item: T): number;
  batch: { size: number; bytes: number; waitMs: number; partialPerSecond: number };
  /** Items of one line go batch after batch, in the order of their deliveries. Null: in no order; so are all without it. */
  lineOf?: (item: T) => number | null;
  /** The workflow id of a run of these, which are all of one line. */
  nameRun(items: T[]): string;
  /** @throws when Temporal cannot be asked */
  start(workflowId: string, items: T[]): Promise<StartResult>;
  /** Brings what is no item to the dead letters, or sets it aside. @throws when it is to be tried again */
  reject(delivery: Delivery, reason: string): Promise<'rejected' | 'nowhere'>;
  /** Counts one that was no item among what was settled. */
  countMalformed(): void;
  metrics: Metrics;
  log: Log;
}

export interface Intake extends Pick<Valve, 'hold' | 'letGo' | 'closedBy'> {
  /** Whether its source can be taken from, and what is no item brought to where it goes. */
  isReady(): boolean;
  /** Whether Temporal starts its runs. */
  canStart(): boolean;
  /** Stops taking, hands over what is held, acknowledges it, and leaves. What cannot be handed over goes back. */
  stop(): Promise<void>;
}

interface Taken<T> {
  delivery: Delivery;
  item: T;
}

/** The page of what takes nothing: Temporal, or the broker of the dead letters. */
type Trouble = Extract<Page, 'temporal-away' | 'broker-away'>;

/** Runs started at the same time: enough to keep a Temporal on the same machine busy. */
const STARTS = 8;
const DRAIN_MS = 15_000;
/** The first rest before a line that is full is asked again, and the longest, ms. */
const FULL_MS = 50;
const MOST_FULL_MS = 1_000;

/** Deliveries of a source that no run has yet. */
export const inHand = async ({ unacknowledged }: Metrics, source: string): Promise<number> =>
  (await unacknowledged.get()).values.find(({ labels }) => labels.source === source)?.value ?? 0;

/** Takes nothing until the caller lets go of `unknown`. @throws what opening the source throws */
export async function startIntake<T>(needs: IntakeNeeds<T>): Promise<Intake> {
  const { source: name, batch, metrics, log, lineOf = () => null } = needs;
  const of = { source: name };
  const stop = new AbortController();
  const rejecting = new Set<Promise<void>>();
  const troubles = new Set<{ runbook: Trouble }>();

  const gatherers = new Map<number | null, ReturnType<typeof createGatherer<Taken<T>>>>();
  /** Of deliveries that are still read, where there are lines. */
  let reading = Promise.resolve();
  const valve = createValve(metrics, log, name);
  valve.hold(
    'unknown',
    'MongoDB has not said yet whether it is paused, and which key others encrypt with',
  );
  const source = await needs.open(onDelivery);
  await valve.attach(source);

  function onDelivery(delivery: Delivery): void {
    metrics.deliveries.inc(of);
    metrics.unacknowledged.inc(of);
    const read = needs.read(delivery);
    if (!(read instanceof Promise)) return take(delivery, read);
    if (needs.lineOf === undefined)
      return void read.then((one) => take(delivery, one)).catch(leftWhenStopping);
    const before = reading;
    // One that stays unacknowledged does not end the line.
    reading = read
      .then(async (one) => {
        await before;
        take(delivery, one);
      })
      .catch(async (error: unknown) => {
        leftWhenStopping(error);
        await before;
      });
  }

  function take(delivery: Delivery, read: Read<T>): void {
    if (read.ok) {
      failpoint('intake-parsed');
      gathererOf(lineOf(read.item)).add({ delivery, item: read.item });
      return;
    }
    const rejected = reject(delivery, read.reason).catch(leftWhenStopping);
    rejecting.add(rejected);
    void rejected.finally(() => rejecting.delete(rejected));
  }

  function gathererOf(line: number | null) {
    const known = gatherers.get(line);
    const gatherer =
      known ??
      createGatherer<Taken<T>>({
        ...batch,
        concurrency: line === null ? STARTS : 1,
        bytesOf: ({ item }) => needs.bytesOf(item),
        handOver: (some) => startBatch(some).catch(leftWhenStopping),
      });
    gatherers.set(line, gatherer);
    return gatherer;
  }

  /** Starts a run for a batch, however long Temporal is away, and acknowledges. One that is too large is halved. */
  async function startBatch(given: Taken<T>[], rest = FULL_MS): Promise<void> {
    let some = given;
    const workflowId = needs.nameRun(some.map(({ item }) => item));
    failpoint('intake-starting');
    const result = await keepTrying('temporal-away', 'Temporal cannot start runs', async () => {
      some = some.filter(({ delivery }) => isHeld(delivery));
      if (some.length === 0) return 'gone';
      return needs.start(
        workflowId,
        some.map(({ item }) => item),
      );
    });
    if (result === 'gone') return;
    if (result === 'started') {
      failpoint('intake-started');
      metrics.batchSize.observe(of, some.length);
      for (const { delivery } of some) acknowledge(delivery);
      failpoint('intake-acknowledged');
      log.info({ ...of, workflowId, items: some.length }, 'Deliveries were handed to a run');
      return;
    }
    if (result === 'full') {
      await delay(rest, undefined, { signal: stop.signal });
      return startBatch(some, Math.min(2 * rest, MOST_FULL_MS));
    }
    const [only] = some;
    if (some.length === 1 && only !== undefined) {
      return reject(only.delivery, 'Temporal refuses to start a run with it');
    }
    const half = Math.ceil(some.length / 2);
    await startBatch(some.slice(0, half));
    await startBatch(some.slice(half));
  }

  /** To the dead letters, confirmed, and only then acknowledged. */
  async function reject(delivery: Delivery, reason: string): Promise<void> {
    const where = await keepTrying(
      'broker-away',
      'The failure queue cannot take a malformed delivery',
      async () => (isHeld(delivery) ? needs.reject(delivery, reason) : 'gone'),
    );
    if (where === 'gone') return;
    // The broker keeps it, unacknowledged, and hands it to the intake that comes next.
    if (where === 'nowhere') return letGo(delivery);
    failpoint('intake-malformed-confirmed');
    metrics.malformed.inc(of);
    needs.countMalformed();
    log.info({ ...of, outcome: 'malformed', reason }, 'A delivery was malformed');
    acknowledge(delivery);
  }

  function acknowledge(delivery: Delivery): void {
    metrics.unacknowledged.dec(of);
    delivery.ack();
  }

  function letGo(delivery: Delivery): void {
    metrics.unacknowledged.dec(of);
    delivery.release();
  }

  /** What the broker has taken back meanwhile comes anew, and would be handed over twice. */
  function isHeld(delivery: Delivery): boolean {
    const isGone = delivery.isGone();
    if (isGone) letGo(delivery);
    return !isGone;
  }

  /** Left unacknowledged, it comes again. Only a stop ends what is tried again and again; any other error is our fault. */
  function leftWhenStopping(error: unknown): void {
    if (stop.signal.aborted) return;
    log.error(
      { runbook: 'report-a-fault', ...errorFacts(error) },
      'A delivery stays unacknowledged: this is a fault of Despachante',
    );
  }

  /** Nothing new is taken meanwhile: the backlog stays in the source, where its alarms see it. */
  async function keepTrying<R>(
    runbook: Trouble,
    trouble: string,
    action: () => Promise<R>,
  ): Promise<R> {
    const mine = { runbook };
    try {
      return await insist(action, {
        stop: stop.signal,
        failed(error, restMs) {
          log.warn({ runbook, ...of, ...errorFacts(error), restMs }, trouble);
          troubles.add(mine);
          valve.hold('trouble', trouble);
        },
      });
    } finally {
      if (troubles.delete(mine) && troubles.size === 0 && !stop.signal.aborted)
        valve.letGo('trouble');
    }
  }

  const isTroubledBy = (page: Trouble): boolean =>
    [...troubles].some(({ runbook }) => runbook === page);

  return {
    ...valve,
    isReady: () => source.isReady() && !isTroubledBy('broker-away'),
    canStart: () => !isTroubledBy('temporal-away'),
    async stop() {
      valve.hold('stopping', 'it is told to stop');
      await source.pause();
      const late = setTimeout(() => stop.abort(new Error('stopping')), DRAIN_MS);
      await unlessAborted(stop.signal, reading).catch(() => {});
      await Promise.all([...gatherers.values()].map((gatherer) => gatherer.drain()));
      await Promise.all(rejecting);
      clearTimeout(late);
      stop.abort(new Error('stopped'));
      await source.close();
      valve.forget();
    },
  };
}
