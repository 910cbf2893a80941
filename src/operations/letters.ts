/**
 * Letters of a queue of dead letters that say nothing any more, since their tasks were redriven or dropped. What counts is the claim: a
 * topic of Kafka keeps its letters as long as it keeps anything, and one that is moved back to the source is a duplicate.
 */
import { openFailureQueue } from '../broker/rabbitmq/dead-letter-queue.ts';
import { declarations, declare } from '../broker/rabbitmq/queues.ts';
import type { Config } from '../config/schema.ts';
import { parseRules } from '../registrations/delivery.ts';
import { withRabbit } from '../registrations/neighbours.ts';
import { chunks } from '../runtime/chunks.ts';
import type { TaskClaim, TaskClaims } from '../tasks/claims.ts';
import { rabbitFor, type Running } from '../tasks/rules.ts';

type Place = Pick<Running, 'from' | 'deadLetters' | 'queue'>;

/**
 * Takes them out, and gives the others back in their order. How many there were; null where letters do not stand in a queue of ours.
 * @throws what the broker throws; nothing is lost by it, and it can be done again
 */
export async function clearLetters(
  config: Config,
  place: Place,
  claims: Pick<TaskClaims, 'collection'>,
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
      const gone = await goneAmong(
        claims,
        some.flatMap(({ claim }) => claim ?? []),
      );
      for (const letter of some) {
        const isOver = letter.token !== null && gone.get(letter.claim ?? '') === letter.token;
        if (isOver && queue.ack(letter)) count += 1;
      }
    }
    await queue.close();
    return count;
  });
}

/** The tokens of those that wait no longer. */
async function goneAmong({ collection }: Pick<TaskClaims, 'collection'>, keys: string[]) {
  const found = collection
    .find({ _id: { $in: keys }, gone: { $exists: true } })
    .project<Pick<TaskClaim, '_id' | 'token'>>({ token: 1 });
  return new Map(await Array.fromAsync(found, ({ _id, token }) => [_id, token] as const));
}
