import { headersAsText } from '../broker/rabbitmq/message.ts';
import type { Call } from '../workers/call.ts';
import type { TaskClaim } from './claims.ts';

/** The call of a handler for a claimed message. */
export const callOf = (
  { worker, item, key, receivedAt, message }: TaskClaim,
  body: Buffer,
  { attempt, isLastAttempt }: Pick<Call, 'attempt' | 'isLastAttempt'>,
): Call => ({
  id: item.slice(worker.length + 1),
  ...{ attempt, isLastAttempt, key },
  headers: headersAsText(message?.properties ?? ''),
  receivedAt: receivedAt.getTime(),
  body: body.toString('base64'),
});
