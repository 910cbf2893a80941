/** Where a worker takes messages from, and where it sends some. */
import type { Channel } from './call.ts';
import { refuseUnknown } from './check-options.ts';

/**
 * A topic of Kafka. The group is the worker's name unless it is given; it means nothing where a topic is only written.
 * @throws TypeError where an option does not exist
 */
export function kafka(topic: string, options: { group?: string } = {}): Channel {
  refuseUnknown(`kafka('${topic}')`, options, ['group']);
  const { group } = options;
  return { broker: 'kafka', name: topic, ...(group === undefined ? {} : { group }) };
}

/** A queue of RabbitMQ. @throws TypeError where it is given options: there are none */
export function rabbitmq(queue: string, none: Record<string, never> = {}): Channel {
  refuseUnknown(`rabbitmq('${queue}')`, none, []);
  return { broker: 'rabbitmq', name: queue };
}
