import * as kafka from '../broker/kafka/message.ts';
import { headersAsText } from '../broker/rabbitmq/message.ts';
import type { Origin } from '../domain/origin.ts';
import type { Call } from '../workers/call.ts';
import type { TaskClaim } from './claims.ts';

/** The call of a handler for a claimed message. */
export const callOf = (
  { worker, item, key, receivedAt, origin, message }: TaskClaim,
  body: Buffer,
  { attempt, isLastAttempt }: Pick<Call, 'attempt' | 'isLastAttempt'>,
): Call => ({
  id: item.slice(worker.length + 1),
  ...{ attempt, isLastAttempt, key },
  headers: message === null ? {} : headersOf(origin, message.properties),
  receivedAt: receivedAt.getTime(),
  body: body.toString('base64'),
});

const headersOf = ({ broker }: Origin, properties: string): Record<string, string> =>
  broker === 'kafka'
    ? kafka.headerTexts(kafka.decodeProperties(properties).headers)
    : headersAsText(properties);
