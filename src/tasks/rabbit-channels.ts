/** Output and dead letters over RabbitMQ. */
import { createFailures } from '../broker/rabbitmq/dead-letters.ts';
import { isUnpublishable, type Publisher } from '../broker/rabbitmq/publisher.ts';
import type { Config } from '../config/schema.ts';
import type { TaskChannels } from './channels.ts';

/** @param rabbit as of the worker's source; `hasDeadLetters`: false where failures stay in the claims */
export function rabbitChannels(
  publisher: Publisher,
  rabbit: Config['rabbit'],
  hasDeadLetters: boolean,
): TaskChannels {
  const failures = createFailures(publisher, rabbit);
  return {
    publish: ({ channel, key, message }, messageId) =>
      publisher.publish(channel.name, Buffer.from(JSON.stringify(message)), {
        messageId,
        contentType: 'application/json',
        ...(key === null ? {} : { headers: { 'x-despachante-key': key } }),
      }),
    bury: hasDeadLetters ? (letter) => failures.publish({ ...letter, requestId: null }) : null,
    isUnpublishable,
  };
}
