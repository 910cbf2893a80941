/** A client of toxiproxy's HTTP API (github.com/Shopify/toxiproxy), as far as the network scenarios need it. */
import { z } from 'zod';
import { atEnd, uniqueName } from '../helpers/servers.ts';
import type { Ending } from '../helpers/servers.ts';

/** `upstream`: what the client sends; `downstream`: what it is answered. Attributes in bytes, ms (slicer: µs). */
export interface Toxic {
  type: 'latency' | 'timeout' | 'reset_peer' | 'slicer' | 'limit_data';
  stream: 'upstream' | 'downstream';
  attributes: Record<string, number>;
}

export interface ToxicProxy {
  /** `127.0.0.1:<port>`, which leads to the target. */
  address: string;
  /** From now on, for the connections there are and those to come. */
  add(toxics: readonly Toxic[]): Promise<void>;
  /** Takes all of them away. Connections that were swallowed are closed by that. */
  clear(): Promise<void>;
}

const listening = z.object({ listen: z.string() });

/** In front of a server, until the scenario ends. @param target `host:port` */
export async function toxicProxy(t: Ending, target: string): Promise<ToxicProxy> {
  const name = uniqueName();
  const call = async (method: string, path: string, body?: object): Promise<unknown> => {
    const answer = await fetch(`${apiAddress()}/proxies${path}`, {
      method,
      ...(body === undefined ? {} : { body: JSON.stringify(body) }),
    });
    const text = await answer.text();
    if (!answer.ok) throw new Error(`toxiproxy: ${method} ${path}: ${answer.status} ${text}`);
    return text === '' ? null : JSON.parse(text);
  };
  const made = await call('POST', '', {
    name,
    listen: '127.0.0.1:0',
    upstream: target,
    enabled: true,
  });
  atEnd(t, async () => void (await call('DELETE', `/${name}`)));
  let toxics: string[] = [];
  return {
    address: listening.parse(made).listen,
    async add(wanted) {
      for (const toxic of wanted) {
        const id = `toxic-${toxics.length}`;
        toxics.push(id);
        await call('POST', `/${name}/toxics`, { ...toxic, name: id, toxicity: 1 });
      }
    },
    async clear() {
      const gone = toxics;
      toxics = [];
      for (const id of gone) await call('DELETE', `/${name}/toxics/${id}`);
    },
  };
}

function apiAddress(): string {
  const address = process.env['TOXIPROXY_URL'];
  if (address === undefined)
    throw new Error('TOXIPROXY_URL is not set: npm run engines -- start --only toxiproxy');
  return address;
}
