import * as kafka from '../broker/kafka/message.ts';
import { contentIn, headersAsText } from '../broker/rabbitmq/message.ts';
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
): Call => {
  const { origin, message } = claim;
  const content = message === null ? {} : contentOf(origin, message.properties);
  return {
    id: idOf(claim),
    ...{ attempt, isLastAttempt, key: claim.key },
    headers: message === null ? {} : headersOf(origin, message.properties),
    receivedAt: claim.receivedAt.getTime(),
    ...{ contentType: content.type, contentEncoding: content.encoding },
    body: body.toString('base64'),
  };
};

function headersOf(origin: Origin, properties: string): Record<string, string> {
  switch (origin.broker) {
    case 'kafka':
      return kafka.headerTexts(kafka.decodeProperties(properties).headers);
    case 'rabbitmq':
      return headersAsText(properties);
    case 'folder':
      return { host: origin.host };
    case 'url':
      // Of one that is left out, since it is too large, the size is all there is.
      return {
        offset: String(origin.offset),
        ...(properties === '' ? {} : { size: properties }),
      };
  }
}

function contentOf(
  origin: Origin,
  properties: string,
): { type?: string | undefined; encoding?: string | undefined } {
  if (origin.broker === 'rabbitmq') return contentIn(properties);
  const { 'content-type': type, 'content-encoding': encoding } = headersOf(origin, properties);
  return { type, encoding };
}
