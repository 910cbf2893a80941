/** Failure records, put into the queue as a worker does. */
import type { Config } from '../../src/config/schema.ts';
import type { FailureClass } from '../../src/domain/registrations/outcome.ts';
import { createFailures } from '../../src/broker/rabbitmq/dead-letters.ts';
import { encodeProperties } from '../../src/broker/rabbitmq/message.ts';
import { propertiesOf } from './properties.ts';
import { bodyHashOf } from '../../src/broker/body-hash.ts';
import { claimKey } from '../../src/domain/names.ts';
import type { Store } from '../../src/registrations/store.ts';
import { testPublisher } from './servers.ts';
import type { Ending } from './servers.ts';
import { storedClaim, storedEntry } from './stored.ts';

const FAILED_AT = new Date('2025-03-09T14:07:31Z');
const REQUEST_ID = 'AB583C-X';

export interface TestFailure {
  id: string;
  failureClass: FailureClass;
  body?: Buffer;
  reason?: string;
  at?: Date;
  generation?: number;
  token?: string;
}

/** Where there is a store, their claims are in it, too, settled in this order. */
export async function putFailures(
  t: Ending,
  { rabbit, store }: { rabbit: Config['rabbit']; store?: Store },
  failed: TestFailure[],
): Promise<void> {
  if (store !== undefined) await claimFailures(store, failed);
  const failures = createFailures(await testPublisher(t), rabbit);
  for (const { id, failureClass, body, reason, at, generation = 0, token } of failed) {
    await failures.publish({
      claim: failureClass === 'malformed' ? null : `${id}~${generation}`,
      failureClass,
      reason: reason ?? `why ${id}`,
      at: at ?? FAILED_AT,
      attempts: 2,
      requestId: REQUEST_ID,
      workflowId: `registrations/${id}/1`,
      generation,
      token: token ?? `token of ${id}~${generation}`,
      body: bodyOf({ id, body }),
      properties: encodeProperties(
        propertiesOf({
          contentType: 'application/json',
          correlationId: `c-${id}`,
          headers: { 'x-tenant': 'recife' },
        }),
      ).properties,
    });
  }
}

const bodyOf = ({ id, body }: { id: string; body?: Buffer | undefined }): Buffer =>
  body ?? Buffer.from(JSON.stringify({ id, name: 'Ana' }));

async function claimFailures(store: Store, failed: TestFailure[]): Promise<void> {
  for (const each of failed) {
    const { id, failureClass: kind, at = FAILED_AT, generation = 0 } = each;
    const reason = each.reason ?? `why ${id}`;
    if (kind === 'malformed') {
      await store.malformed.note(bodyOf(each), reason, at);
      continue;
    }
    const claim = claimKey(id, generation);
    const ends = { polls: 0, doubt: false, acceptedAt: null, requestId: REQUEST_ID };
    const outcome = { kind, reason, at, entry: `${claim}#1`, ...ends };
    const token = each.token ?? `token of ${claim}`;
    const bodyHash = bodyHashOf(bodyOf(each));
    const workflowId = `registrations/${id}/1`;
    await store.claims.insert([storedClaim(id, { generation, bodyHash, token, workflowId })]);
    const entry = storedEntry(claim, 'refused', 1, { tries: 2 });
    await store.journal.collection.insertOne(entry).catch(() => {}); // of a test's own
    await store.claims.settled([{ claim, outcome }], workflowId);
  }
}
