import * as kafka from '../broker/kafka/message.ts';
import { contentTypeIn, headersAsText } from '../broker/rabbitmq/message.ts';
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
  contentType:
    claim.message === null ? undefined : contentTypeOf(claim.origin, claim.message.properties),
  body: body.toString('base64'),
});

function headersOf(origin: Origin, properties: string): Record<string, string> {
  switch (origin.broker) {
    case 'kafka':
      return kafka.headerTexts(kafka.decodeProperties(properties).headers);
    case 'rabbitmq':
      return headersAsText(properties);
    case 'folder':
      return {};
    case 'url':
      // Of one that is left out, since it is too large, the size is all there is.
      return {
        offset: String(origin.offset),
        ...(properties === '' ? {} : { size: properties }),
      };
  }
}

function contentTypeOf(origin: Origin, properties: string): string | undefined {
  return origin.broker === 'rabbitmq'
    ? contentTypeIn(properties)
    : headersOf(origin, properties)['content-type'];
}
