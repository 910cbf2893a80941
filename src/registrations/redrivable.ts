/**
 * Which failure records can be redriven. One whose token does not count would be dropped as a duplicate and lost. One whose claim has
 * expired would be POSTed as new, though it may be filed: only who names it can know better.
 */
import { bodyHashOf } from '../broker/body-hash.ts';
import type { Claims } from '../claims/claims.ts';
import {
  admit,
  isDuplicate,
  isRedrive,
  keysOfRedriven,
  type Delivered,
  type Known,
} from '../domain/registrations/admission.ts';
import { claimKey } from '../domain/names.ts';
import type { Pass } from '../domain/redrive-order.ts';
import { mayBeFiledByRecord } from '../domain/registrations/outcome.ts';
import type { FailureMessage } from '../broker/rabbitmq/dead-letter-queue.ts';
import { redriveOf } from '../broker/redrive.ts';
import { chunks } from '../runtime/chunks.ts';

const AT_ONCE = 100;

/** The count in a pass of a redrive. */
type Why = keyof Pick<Pass, 'withheld' | 'expired'>;

interface Admitting {
  claims: Pick<Claims, 'find'>;
  /** Whether the records are meant one by one, and not by what they have in common. */
  isNamed: boolean;
  limit: number;
  /** Is told of those that stay in the queue, which do not count towards the limit. */
  withheld: (failure: FailureMessage, why: Why) => void;
}

/** Passes on the records that can be redriven, in their order. */
export async function* redrivable(
  source: AsyncIterable<FailureMessage>,
  { claims, isNamed, limit, withheld }: Admitting,
): AsyncGenerator<FailureMessage> {
  let count = 0;
  if (limit <= 0) return;
  for await (const some of chunks(source, Math.min(AT_ONCE, limit))) {
    const all = some.map((failure) => {
      const delivery = deliveryOf(failure);
      const keys = delivery === null ? [] : [claimKey(delivery.id, 0), ...keysOfRedriven(delivery)];
      return { failure, delivery, keys: [...new Set(keys)] };
    });
    const found = await claims.find(all.flatMap(({ keys }) => keys));
    for (const { failure, delivery, keys } of all) {
      const own = keys.flatMap((key) => found.get(key) ?? []);
      const why = delivery === null ? null : whyNot(delivery, own);
      if (why === 'withheld' || (why === 'expired' && !isNamed && mayBeFiledByRecord(failure))) {
        withheld(failure, why);
        continue;
      }
      yield failure;
      if (++count === limit) return;
    }
  }
}

/** `expired`: it would be a new registration. */
function whyNot(delivery: Delivered, own: readonly Known[]): Why | null {
  const admission = admit(delivery, own);
  // As an ordinary message with bytes that are claimed already it is a duplicate; other bytes make a conflict of their own.
  if (isDuplicate(delivery, admission, own)) return 'withheld';
  const isMet = isRedrive(admission) || own.some(({ generation }) => generation === 0);
  return isMet ? null : 'expired';
}

/** The delivery that its redrive will be; null for a record that never was a registration. */
function deliveryOf({ id, failureClass, headers, body }: FailureMessage): Delivered | null {
  if (id === null || failureClass === null || failureClass === 'malformed') return null;
  return { id, bodyHash: bodyHashOf(body), ...redriveOf(headers) };
}
