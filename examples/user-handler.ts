/** Messages of a queue of RabbitMQ, each to the handler of its type. */
import { defineWorker, on, rabbitmq } from 'despachante';
import { z } from 'zod';

const SendAudio = z.object({
  type: z.literal('send_audio'),
  user_id: z.number(),
  content: z.string(),
});
const SendText = z.object({ type: z.literal('send_text'), user_id: z.number(), text: z.string() });

export default defineWorker({
  name: 'UserHandler',
  from: rabbitmq('my_queue'),
  handlers: {
    send_audio: on(SendAudio, ({ user_id, content }, { log }) => {
      log.info('An audio is on its way', { bytes: content.length });
      return { notified: user_id };
    }),
    send_text: on(SendText, ({ user_id }) => ({ notified: user_id })),
  },
});
