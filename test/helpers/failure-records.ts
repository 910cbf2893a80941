/** Failure records, put into the queue as a worker does. */
import type { Config } from '../../src/config/schema.ts';
import type { FailureClass } from '../../src/domain/registrations/outcome.ts';
import { createFailures } from '../../src/broker/rabbitmq/dead-letters.ts';
import { encodeProperties } from '../../src/broker/rabbitmq/message.ts';
import { propertiesOf } from './properties.ts';
import { testPublisher } from './servers.ts';
import type { Ending } from './servers.ts';

export interface TestFailure {
  id: string;
  failureClass: FailureClass;
  body?: Buffer;
  reason?: string;
  at?: Date;
  redrive?: number;
  token?: string;
}

export async function putFailures(
  t: Ending,
  { rabbit }: { rabbit: Config['rabbit'] },
  failed: TestFailure[],
): Promise<void> {
  const failures = createFailures(await testPublisher(t), rabbit);
  for (const { id, failureClass, body, reason, at, redrive = 0, token } of failed) {
    await failures.publish({
      claim: failureClass === 'malformed' ? null : `${id}~${redrive}`,
      failureClass,
      reason: reason ?? `why ${id}`,
      at: at ?? new Date('2025-03-09T14:07:31Z'),
      attempts: 2,
      requestId: 'AB583C-X',
      workflowId: `registrations/${id}/1`,
      redrive,
      token: token ?? `token of ${id}~${redrive}`,
      body: body ?? Buffer.from(JSON.stringify({ id, name: 'Ana' })),
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
