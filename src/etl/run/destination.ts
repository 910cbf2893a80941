/** Where processed resources go: to the output alone, or to a queue or topic, confirmed, and into a ledger for audits. */
import { openPublishedLedger } from '../../audit/published-ledger.ts';
import { isUnpublishable } from '../../broker/rabbitmq/publisher.ts';
import type { QueueSetting } from '../../config/queues.ts';
import type { Config } from '../../config/schema.ts';
import type { Log } from '../../runtime/log.ts';
import type { TaskChannels } from '../../tasks/channels.ts';
import { openPublishers } from '../../tasks/publishers.ts';
import type { Channel, Ended } from '../../workers/call.ts';

export interface Destination {
  channels: TaskChannels;
  /** What is done is published before it is settled. */
  through(ended: Ended, resource: { id: string }): Ended;
  close(): Promise<void>;
}

/** `registrations`, `kafka:<topic>`, or the name of a queue. */
export function channelOf(to: string, { rabbit }: Pick<Config, 'rabbit'>): Channel {
  if (to.startsWith('kafka:')) return { broker: 'kafka', name: to.slice('kafka:'.length) };
  return { broker: 'rabbitmq', name: to === 'registrations' ? rabbit.intakeQueue : to };
}

export const nowhere: Destination = {
  channels: {
    publish: () => Promise.reject(new Error('it has no destination')),
    bury: null,
    isUnpublishable: (error): error is Error => error instanceof Error,
  },
  through: (ended) => ended,
  close: () => Promise.resolve(),
};

export async function openDestination(
  to: string,
  ledgerFile: string,
  { config, queues, log }: { config: Config; queues: readonly QueueSetting[]; log: Log },
): Promise<Destination> {
  const channel = channelOf(to, config);
  const publishers = openPublishers(config, queues, log);
  const ledger = await openPublishedLedger(ledgerFile);
  return {
    channels: {
      async publish({ channel: on, message, key }, fallback) {
        const body = Buffer.from(JSON.stringify(message));
        // The same resource has the same id in every run: whoever takes it can tell a copy.
        const messageId = key ?? fallback;
        await publishers.publish({ to: on, body, key, messageId }, 'The ETL');
        ledger.add({ id: messageId, body });
      },
      bury: null,
      isUnpublishable,
    },
    through(ended, resource) {
      if (ended.kind !== 'done') return ended;
      const message = ended.result ?? resource;
      return { ...ended, outgoing: [{ channel, key: resource.id, message }] };
    },
    async close() {
      await publishers.close();
      await ledger.close();
    },
  };
}
