/** Which failure records can be redriven: one whose token does not count would be dropped as a duplicate, and be gone. */
import { bodyHashOf } from '../broker/body-hash.ts';
import type { Claim, Claims } from '../claims/claims.ts';
import { claimKey } from '../domain/names.ts';
import type { FailureMessage } from '../broker/rabbitmq/dead-letter-queue.ts';
import { redriveOf } from '../broker/rabbitmq/message.ts';
import { keysOfRedriven, redriveIn } from './redrive.ts';

const AT_ONCE = 100;

/** Passes on the records that can be redriven, in their order. Of the others `withheld` is told, and they stay in the queue. */
export async function* redrivable(
  claims: Pick<Claims, 'find'>,
  source: AsyncIterable<FailureMessage>,
  withheld: (failure: FailureMessage) => void,
): AsyncGenerator<FailureMessage> {
  let some: FailureMessage[] = [];
  for await (const failure of source) {
    some.push(failure);
    if (some.length === AT_ONCE) yield* pass();
  }
  yield* pass();

  async function* pass(): AsyncGenerator<FailureMessage> {
    const all = some.map((failure) => ({ failure, keys: keysOf(failure) }));
    some = [];
    const found = await claims.find(all.flatMap(({ keys }) => keys));
    for (const { failure, keys } of all) {
      if (isDropped(failure, keys, found)) withheld(failure);
      else yield failure;
    }
  }
}

/** The claims of the generation that a record names, and the first one on its id. */
function keysOf({ id, failureClass, headers, body }: FailureMessage): string[] {
  // What never was a registration has no claim and no token.
  if (id === null || failureClass === null || failureClass === 'malformed') return [];
  const named = keysOfRedriven(id, redriveOf(headers).redrive, bodyHashOf(body));
  return [...new Set([claimKey(id, 0), ...named])];
}

/** As an ordinary message with bytes that are claimed already it is a duplicate; other bytes make a conflict of their own. */
function isDropped(
  { headers, body }: FailureMessage,
  keys: string[],
  found: ReadonlyMap<string, Claim>,
): boolean {
  const own = keys.flatMap((key) => found.get(key) ?? []);
  const bodyHash = bodyHashOf(body);
  if (redriveIn(own, { ...redriveOf(headers), bodyHash }).isRedrive) return false;
  return own.some((claim) => claim.bodyHash === bodyHash);
}
