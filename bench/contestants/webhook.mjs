// A queue as a webhook, as one would write it: so many requests at once, and each message acknowledged once its answer is 2xx.
import amqp from 'amqplib';
import { Agent, request } from 'undici';

const { AMQP_URL, BENCH_SOURCE, BENCH_URL, BENCH_AT_ONCE } = process.env;
const dispatcher = new Agent({ connections: Number(BENCH_AT_ONCE), pipelining: 1 });
const connection = await amqp.connect(AMQP_URL);
const channel = await connection.createChannel();
await channel.prefetch(Number(BENCH_AT_ONCE));
await channel.consume(BENCH_SOURCE, async (message) => {
  if (message === null) return;
  try {
    const { statusCode, body } = await request(BENCH_URL, {
      dispatcher,
      method: 'POST',
      headers: {
        'content-type': 'application/octet-stream',
        'x-message-id': message.properties.messageId,
      },
      body: message.content,
    });
    await body.dump();
    if (statusCode >= 200 && statusCode < 300) channel.ack(message);
    else channel.nack(message);
  } catch {
    channel.nack(message);
  }
});
