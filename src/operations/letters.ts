/**
 * Letters of a queue of dead letters that say nothing any more, since their tasks were redriven or dropped. What counts is the claim: a
 * topic of Kafka keeps its letters as long as it keeps anything, and one that is moved back to the source is a duplicate.
 */
import { openFailureQueue, type FailureMessage } from '../broker/rabbitmq/dead-letter-queue.ts';
import { declarations, declare } from '../broker/rabbitmq/queues.ts';
import type { Config } from '../config/schema.ts';
import { readClaimKey } from '../domain/names.ts';
import { OWN, type OwnDatabase } from '../mongo/collections.ts';
import { parseRules } from '../registrations/delivery.ts';
import { withRabbit } from '../registrations/neighbours.ts';
import { chunks } from '../runtime/chunks.ts';
import { rabbitFor, type Running } from '../tasks/rules.ts';

type Place = Pick<Running, 'from' | 'deadLetters' | 'queue'>;

/**
 * Takes them out, and gives the others back in their order. How many there were; null where letters do not stand in a queue of ours.
 * @throws what the broker throws; nothing is lost by it, and it can be done again
 */
export async function clearLetters(
  config: Config,
  place: Place,
  own: OwnDatabase,
  worker: string,
): Promise<number | null> {
  if (place.from.broker !== 'rabbitmq' || place.deadLetters === null) return null;
  const link = rabbitFor(config, place);
  return withRabbit(link, async (connection) => {
    const { failureQueue } = link.rabbit;
    const ours = declarations(link.rabbit).find(({ queue }) => queue === failureQueue);
    // Each look counts as a delivery: a queue with another limit may drop what is looked at too often.
    if (ours === undefined || (await declare(connection, ours)) !== null) return null;
    const queue = await openFailureQueue(connection, failureQueue, parseRules(config));
    let count = 0;
    for await (const some of chunks(queue.messages())) {
      const keys = some.map((letter) => keyOf(letter, worker));
      const gone = await goneAmong(own, keys);
      for (const [n, letter] of some.entries())
        if (gone.get(keys[n] ?? '') === letter.token && queue.ack(letter)) count += 1;
    }
    await queue.close();
    return count;
  });
}

const keyOf = ({ claim, failureClass }: FailureMessage, worker: string): string =>
  failureClass === 'malformed' && claim !== null && readClaimKey(claim) === null
    ? `${worker}/${claim}`
    : (claim ?? '');

/** The tokens of those that wait no longer; null for what never was a task, and has none. */
async function goneAmong(own: OwnDatabase, keys: string[]) {
  const filter = { _id: { $in: keys }, gone: { $exists: true } };
  const found = [OWN.taskClaims, OWN.malformed].map((name) =>
    own
      .collection<{ _id: string; token?: string }>(name)
      .find(filter)
      .project<Gone>({ token: 1 })
      .toArray(),
  );
  const all = (await Promise.all(found)).flat();
  return new Map(all.map(({ _id, token = null }) => [_id, token]));
}

interface Gone {
  _id: string;
  token?: string;
}
