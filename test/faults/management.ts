/** RabbitMQ's management API, as far as the broker scenarios need it. */
import assert from 'node:assert/strict';
import { z } from 'zod';
import { eventually } from '../helpers/eventually.ts';
import { address, atEnd } from '../helpers/servers.ts';
import type { Ending } from '../helpers/servers.ts';

const queueState = z.object({
  policy: z.string().nullish(),
  consumer_details: z
    .array(z.object({ channel_details: z.object({ connection_name: z.string() }) }))
    .default([]),
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
  /** As the page tells it, which lags by some seconds. */
  queue: async (queue: string) => queueState.parse(await call('GET', `/queues/%2F/${queue}`)),
  /** Has the broker close the connections of those who consume a queue. */
  async closeConsumersOf(queue: string): Promise<void> {
    await eventually('one that is consuming was closed', async () => {
      const { consumer_details } = await management.queue(queue);
      const names = new Set(consumer_details.map((each) => each.channel_details.connection_name));
      const closings = [...names].map((name) =>
        call('DELETE', `/connections/${encodeURIComponent(name)}`),
      );
      // One of before may still be listed: it cannot be closed.
      const outcomes = await Promise.allSettled(closings);
      assert.ok(outcomes.some(({ status }) => status === 'fulfilled'));
    });
  },
  /** Until the scenario ends, if nobody deletes it before. */
  async setPolicy(t: Ending, queue: string, definition: object): Promise<void> {
    const pattern = `^${queue.replaceAll('.', '\\.')}$`;
    await call('PUT', policyOf(queue), { pattern, definition, 'apply-to': 'queues' });
    atEnd(t, () => management.deletePolicy(queue).catch(() => {}));
  },
  /** A user with these rights, each a pattern of names, in a vhost; gone when the test ends. Gives the address for it. */
  async addUser(
    t: Ending,
    name: string,
    password: string,
    rights: { configure: string; write: string; read: string } | null,
    vhost = '/',
  ): Promise<string> {
    const path = `/users/${encodeURIComponent(name)}`;
    await call('PUT', path, { password, tags: '' });
    atEnd(t, () => call('DELETE', path).then(() => {}));
    const place = `/permissions/${encodeURIComponent(vhost)}/${encodeURIComponent(name)}`;
    if (rights !== null) await call('PUT', place, rights);
    const url = new URL(address('AMQP_URL'));
    url.username = encodeURIComponent(name);
    url.password = encodeURIComponent(password);
    url.pathname = vhost === '/' ? '' : `/${encodeURIComponent(vhost)}`;
    return url.toString();
  },
  async setRights(name: string, rights: { configure: string; write: string; read: string }) {
    await call('PUT', `/permissions/%2F/${encodeURIComponent(name)}`, rights);
  },
  async addVhost(t: Ending, name: string): Promise<void> {
    await call('PUT', `/vhosts/${encodeURIComponent(name)}`);
    atEnd(t, () => call('DELETE', `/vhosts/${encodeURIComponent(name)}`).then(() => {}));
  },
  async deletePolicy(queue: string): Promise<void> {
    await call('DELETE', policyOf(queue));
  },
};
