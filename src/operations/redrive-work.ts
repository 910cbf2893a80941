/** What a worker does for a redrive: records back to the intake queue, and out of the failure queue once that is confirmed. */
import type { FailureMessage, FailureQueue } from '../broker/rabbitmq/dead-letter-queue.ts';
import { BrokerRefusal } from '../broker/refusals.ts';
import type { Publisher } from '../broker/rabbitmq/publisher.ts';
import type { Config } from '../config/schema.ts';
import {
  nothingFound,
  withhold,
  type Canary,
  type Pass,
  type RedriveWork,
  type Redriving,
} from '../domain/redrive-order.ts';
import { REDRIVE_PASS_MS } from '../domain/timing.ts';
import { redrivable } from '../registrations/redrivable.ts';
import type { Store } from '../registrations/store.ts';
import { chunks } from '../runtime/chunks.ts';
import { pacer } from '../runtime/pace.ts';
import { claimOfRecord, outcomesOf, readyCanaries, recordKey } from './canary.ts';
import { chosen, type Choice } from './failure-choice.ts';
import { filtersOf, isOurs, matcher, shownId, withFailures } from './failure-queue.ts';
import { unlessHeld, type WithQueue } from './held.ts';
import { heldText, redriveNotes } from './redrive-notes.ts';
import { registrationFailures } from './registration-failures.ts';
import { chosenTasks } from './task-failures.ts';

interface Needs {
  config: Config;
  store: Pick<Store, 'own' | 'claims' | 'journal' | 'records' | 'actions'>;
  publisher: Pick<Publisher, 'publish'>;
}

/** Confirms that are waited for at once: what a kill between confirm and acknowledgement can leave in both queues. */
const WINDOW = 100;

export function redriveWork({ config, store, publisher }: Needs): RedriveWork {
  const { claims, records } = store;
  const notes = redriveNotes(store.actions, null);

  return {
    begin: notes.begin,
    end: notes.end,

    async chooseCanaries(redriving, count, { signal }) {
      const seen = new Set<string>();
      const { held, canaries } = await again(() => choose(redriving, count, seen), signal);
      // Sent when they are back, the others would go without any.
      if (canaries.length === 0 && held > 0) throw new BrokerRefusal(heldText(held));
      return canaries;
    },

    move(redriving, only, live) {
      const seen = new Set<string>();
      const startedAt = performance.now();
      return again(() => onePass(redriving, only, live, startedAt, seen), live.signal);
    },

    awaitCanaries: ({ action }, canaries, until, live) =>
      outcomesOf(claims, canaries, {
        timeoutMs: Math.min(until - Date.now(), REDRIVE_PASS_MS),
        stop: live.signal,
        settled: (ended) => notes.tellCanaries(action, ended, canaries.length),
      }),
  };

  async function again<L extends { held: number; left: number }>(
    look: () => Promise<L>,
    stop: AbortSignal,
  ): Promise<L> {
    const withQueue: WithQueue = (work) => withFailures(config, work);
    return unlessHeld(await look(), look, withQueue, config.rabbit.heldFor, stop);
  }

  /** Of those that are meant, how many wait and were not seen. */
  async function heldOf(
    { order: { ids, maxRedrives, ...order }, asOf }: Omit<Redriving, 'action'>,
    seen: ReadonlySet<string>,
  ): Promise<number> {
    const choice = { ids, filters: filtersOf(order), limit: Infinity, maxRedrives, asOf };
    const failures = registrationFailures(config, store);
    let held = 0;
    for await (const { _id } of chosenTasks(failures, choice, { atCap: 0 }))
      if (!seen.has(_id)) held += 1;
    return held;
  }

  /** @param seen is told which records were there */
  function choose(redriving: Redriving, count: number, seen: Set<string>) {
    return withFailures(config, async (queue) => {
      const { order } = redriving;
      const choice = choiceOf(redriving, config, seen);
      const canaries: Canary[] = [];
      const source = redrivable(chosen(queue, choice, { atCap: 0, foreign: 0 }), {
        ...{ claims, isNamed: order.ids.length > 0, limit: order.limit ?? Infinity },
        withheld: () => {},
      });
      for await (const some of chunks(source, count)) {
        const ready = await readyCanaries(claims, some, config);
        canaries.push(...ready.flatMap((canary) => canary ?? []));
        if (canaries.length >= count) break;
      }
      const held = canaries.length > 0 ? 0 : await heldOf(redriving, seen);
      return { held, left: queue.depth, canaries: canaries.slice(0, count) };
    });
  }

  /** @param seen is told which records were there */
  function onePass(
    redriving: Redriving,
    only: string[] | null,
    live: Parameters<RedriveWork['move']>[2],
    startedAt: number,
    seen: Set<string>,
  ): Promise<Pass> {
    return withFailures(config, async (queue) => {
      const { order, action } = redriving;
      const sentBefore = await notes.sentOf(action);
      const pass: Pass = { isDone: false, ...nothingFound(queue.depth) };
      const source = redrivable(chosen(queue, choiceOf(redriving, config, seen, only), pass), {
        ...{ claims, isNamed: order.ids.length > 0 },
        limit: only === null ? (order.limit ?? Infinity) - sentBefore : Infinity,
        withheld: (failure, why) => withhold(pass[why], shownId(failure, config)),
      });
      const { perSecond } = order;
      const size = Math.min(WINDOW, Math.max(1, Math.floor(perSecond ?? WINDOW)));
      const inTurn = pacer(perSecond, live.signal);
      for await (const some of chunks(source, size)) {
        await inTurn(queue.depth - pass.left);
        if (!live.maySend() || performance.now() - startedAt > REDRIVE_PASS_MS) return pass;
        pass.left -= await sendAgain(queue, some, action);
      }
      const { limit } = order;
      const isWhole = limit !== null && (await notes.sentOf(action)) >= limit;
      const held =
        only !== null
          ? only.filter((key) => !seen.has(claimOfRecord(key))).length
          : isWhole
            ? 0
            : await heldOf(redriving, seen);
      return { ...pass, isDone: true, held };
    });
  }

  /** A record that is not confirmed stays in the failure queue. @throws why the first was not */
  async function sendAgain(
    queue: FailureQueue,
    some: FailureMessage[],
    action: string,
  ): Promise<number> {
    const published = await Promise.allSettled(
      some.map(({ body, properties }) =>
        publisher.publish(config.rabbit.intakeQueue, body, properties),
      ),
    );
    // Lost now, it is in both queues: redriven again, it meets its own claim and is dropped as a duplicate.
    const moved = some.filter(
      (failure, at) => published[at]?.status === 'fulfilled' && queue.ack(failure),
    );
    // A run that claims them notes it, too, so that a kill in between loses no note.
    const ours = moved.filter((failure) => isOurs(failure, config));
    await records.left(ours, 'redriven');
    await notes.addSent(action, moved.length);
    const refused = published.find((each) => each.status === 'rejected');
    if (refused !== undefined) throw refused.reason;
    queue.gone.throwIfAborted();
    return moved.length;
  }
}

/** @param only keys of records; each is taken once */
function choiceOf(
  { order, asOf }: Omit<Redriving, 'action'>,
  config: Config,
  seen: Set<string>,
  only: string[] | null = null,
): Choice {
  const { ids, maxRedrives, foreign } = order;
  const isMeant = matcher(ids, filtersOf(order), config, asOf);
  const wanted = only === null ? null : new Set(only);
  return {
    matches(failure) {
      seen.add(failure.claim ?? '');
      return (
        !(Date.parse(failure.at ?? '') > asOf) &&
        isMeant(failure) &&
        wanted?.delete(recordKey(failure)) !== false
      );
    },
    isOurs: (failure) => foreign || isOurs(failure, config),
    limit: wanted?.size ?? Infinity,
    maxRedrives,
  };
}
