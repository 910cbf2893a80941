/** RabbitMQ's management API, as far as the broker scenarios need it. */
import assert from 'node:assert/strict';
import { z } from 'zod';
import { eventually } from '../helpers/eventually.ts';
import { address, atEnd } from '../helpers/servers.ts';
import type { Ending } from '../helpers/servers.ts';

const consumers = z.object({
  consumer_details: z.array(
    z.object({ channel_details: z.object({ connection_name: z.string() }) }),
  ),
});

async function call(method: string, path: string, body?: object): Promise<unknown> {
  const base = process.env['RABBITMQ_WEB_URL'];
  if (base === undefined)
    throw new Error('RABBITMQ_WEB_URL, the management page of the broker, is not set');
  const { username, password } = new URL(address('AMQP_URL'));
  const credentials = Buffer.from(`${username || 'guest'}:${password || 'guest'}`);
  const answer = await fetch(`${base}/api${path}`, {
    method,
    headers: {
      authorization: `Basic ${credentials.toString('base64')}`,
      'content-type': 'application/json',
    },
    ...(body === undefined ? {} : { body: JSON.stringify(body) }),
  });
  const text = await answer.text();
  if (!answer.ok) throw new Error(`management: ${method} ${path}: ${answer.status} ${text}`);
  return text === '' ? null : JSON.parse(text);
}

const policyOf = (queue: string): string => `/policies/%2F/${queue}`;

export const management = {
  /** Has the broker close the connections of those who consume a queue. What the page tells lags by some seconds. */
  async closeConsumersOf(queue: string): Promise<void> {
    const names = await eventually('the management page knows the consumers', async () => {
      const found = consumers.parse(await call('GET', `/queues/%2F/${queue}`)).consumer_details;
      assert.ok(found.length > 0);
      return new Set(found.map((each) => each.channel_details.connection_name));
    });
    for (const name of names) {
      // One of before may still be listed.
      await call('DELETE', `/connections/${encodeURIComponent(name)}`).catch(() => {});
    }
  },
  /** Until the scenario ends, if nobody deletes it before. */
  async setPolicy(t: Ending, queue: string, definition: object): Promise<void> {
    const pattern = `^${queue.replaceAll('.', '\\.')}$`;
    await call('PUT', policyOf(queue), { pattern, definition, 'apply-to': 'queues' });
    atEnd(t, () => management.deletePolicy(queue).catch(() => {}));
  },
  async deletePolicy(queue: string): Promise<void> {
    await call('DELETE', policyOf(queue));
  },
};
