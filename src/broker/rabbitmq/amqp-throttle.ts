/**
 * Stops reading a connection while we hold enough bytes. RabbitMQ's prefetch counts messages, and only unread data in the
 * socket holds the broker back. amqplib offers nothing for it, so this wraps its reader.
 */
import { has } from './amqp-files.ts';

interface Reader {
  recvFrame: () => unknown;
  /** Asked by its heartbeat, which ends the connection when nothing has come for long. */
  recvSinceLastCheck: boolean;
  stream: { emit: (event: 'readable') => boolean };
}

/** Whether the frames of a message are read is decided at each: `isFull` must count whole messages. */
export function throttle(
  { connection }: { connection: unknown },
  isFull: () => boolean,
): { goOn(): void } {
  const reader = connection;
  if (!isReader(reader))
    throw new Error('This amqplib has no such reader as we know in lib/connection.js');
  const recvFrame = reader.recvFrame.bind(reader);
  let isWaiting = false;
  let isScheduled = false;
  reader.recvFrame = () => {
    isWaiting = isFull();
    return isWaiting ? false : recvFrame();
  };
  let hasReceived = reader.recvSinceLastCheck;
  Object.defineProperty(reader, 'recvSinceLastCheck', {
    get: () => hasReceived || isWaiting,
    set: (value: boolean) => (hasReceived = value),
  });
  return {
    goOn() {
      if (!isWaiting || isScheduled || isFull()) return;
      isScheduled = true;
      // Outside of the call that has just let go of a message.
      setImmediate(() => {
        isScheduled = false;
        reader.stream.emit('readable');
      });
    },
  };
}

const isReader = (value: unknown): value is Reader =>
  has(value, { recvFrame: 'function', recvSinceLastCheck: 'boolean', stream: 'object' }) &&
  has(Reflect.get(value, 'stream'), { emit: 'function' });
