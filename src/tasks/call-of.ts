import * as kafka from '../broker/kafka/message.ts';
import { headersAsText } from '../broker/rabbitmq/message.ts';
import type { Origin } from '../domain/origin.ts';
import type { Call } from '../workers/call.ts';
import type { TaskClaim } from './claims.ts';

/** The message id of a claim. */
export const idOf = ({ worker, item }: Pick<TaskClaim, 'worker' | 'item'>): string =>
  item.slice(worker.length + 1);

/** The call of a handler for a claimed message. */
export const callOf = (
  claim: TaskClaim,
  body: Buffer,
  { attempt, isLastAttempt }: Pick<Call, 'attempt' | 'isLastAttempt'>,
): Call => ({
  id: idOf(claim),
  ...{ attempt, isLastAttempt, key: claim.key },
  headers: claim.message === null ? {} : headersOf(claim.origin, claim.message.properties),
  receivedAt: claim.receivedAt.getTime(),
  body: body.toString('base64'),
});

const headersOf = ({ broker }: Origin, properties: string): Record<string, string> =>
  broker === 'kafka'
    ? kafka.headerTexts(kafka.decodeProperties(properties).headers)
    : headersAsText(properties);
