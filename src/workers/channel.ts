/** Where a worker takes messages from, and where it sends some. */
import type { Channel } from './call.ts';

/** A topic of Kafka. The group is the worker's name unless it is given; it means nothing where a topic is only written. */
export const kafka = (topic: string, { group }: { group?: string } = {}): Channel => ({
  broker: 'kafka',
  name: topic,
  ...(group === undefined ? {} : { group }),
});

/** A queue of RabbitMQ. */
export const rabbitmq = (queue: string): Channel => ({ broker: 'rabbitmq', name: queue });
