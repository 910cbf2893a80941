import type { MessageProperties } from 'amqplib';

/** Properties as the client hands them over: all of them, undefined when absent. */
export const propertiesOf = (given: Partial<MessageProperties>): MessageProperties => ({
  contentType: undefined,
  contentEncoding: undefined,
  headers: {},
  deliveryMode: undefined,
  priority: undefined,
  correlationId: undefined,
  replyTo: undefined,
  expiration: undefined,
  messageId: undefined,
  timestamp: undefined,
  type: undefined,
  userId: undefined,
  appId: undefined,
  clusterId: undefined,
  ...given,
});
