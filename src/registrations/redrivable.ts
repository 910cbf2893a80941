/** Which failure records can be redriven: one whose token does not count would be dropped as a duplicate and lost. */
import { bodyHashOf } from '../broker/body-hash.ts';
import type { Claims } from '../claims/claims.ts';
import {
  admit,
  isDuplicate,
  keysOfRedriven,
  type Delivered,
} from '../domain/registrations/admission.ts';
import { claimKey } from '../domain/names.ts';
import type { FailureMessage } from '../broker/rabbitmq/dead-letter-queue.ts';
import { redriveOf } from '../broker/redrive.ts';
import { chunks } from '../runtime/chunks.ts';

const AT_ONCE = 100;

/** Passes on the records that can be redriven, in their order. Of the others `withheld` is told, and they stay in the queue. */
export async function* redrivable(
  claims: Pick<Claims, 'find'>,
  source: AsyncIterable<FailureMessage>,
  withheld: (failure: FailureMessage) => void,
): AsyncGenerator<FailureMessage> {
  for await (const some of chunks(source, AT_ONCE)) {
    const all = some.map((failure) => {
      const delivery = deliveryOf(failure);
      const keys = delivery === null ? [] : [claimKey(delivery.id, 0), ...keysOfRedriven(delivery)];
      return { failure, delivery, keys: [...new Set(keys)] };
    });
    const found = await claims.find(all.flatMap(({ keys }) => keys));
    for (const { failure, delivery, keys } of all) {
      const own = keys.flatMap((key) => found.get(key) ?? []);
      // As an ordinary message with bytes that are claimed already it is a duplicate; other bytes make a conflict of their own.
      if (delivery !== null && isDuplicate(delivery, admit(delivery, own), own)) withheld(failure);
      else yield failure;
    }
  }
}

/** The delivery that its redrive will be; null for a record that never was a registration. */
function deliveryOf({ id, failureClass, headers, body }: FailureMessage): Delivered | null {
  if (id === null || failureClass === null || failureClass === 'malformed') return null;
  return { id, bodyHash: bodyHashOf(body), ...redriveOf(headers) };
}
