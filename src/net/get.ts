/** GET with redirects: at most five, by HTTP alone, with a password for the first server alone, and none from outside to inside. */
import type { Readable } from 'node:stream';
import { Agent, request } from 'undici';
import { connectorOf } from './connect.ts';
import { isNear } from './addresses.ts';

/** It cannot be had: a sentence with the reason. */
export class CannotFetch extends Error {
  override readonly name = 'CannotFetch';
}

export interface Response {
  status: number;
  /** The first of that name. */
  header(name: string): string | undefined;
  body: Readable;
  /** The first 200 characters; the rest is left. */
  text(): Promise<string>;
}

const MOST_REDIRECTS = 5;
const CONNECT_MS = 10_000;
/** Until the answer begins, and between two pieces of it. */
const SILENT_MS = 60_000;
const TOLD = 200;

interface Wanted {
  input: string;
  authorization: string | null;
  signal: AbortSignal;
}

export function openRequests({ input, authorization, signal }: Wanted) {
  const first = new URL(input);
  const own = first.username === '' ? authorization : basic(first);
  const agent = new Agent({
    connect: connectorOf(CONNECT_MS, {}),
    allowH2: false,
    headersTimeout: SILENT_MS,
    bodyTimeout: SILENT_MS,
  });

  async function get(headers: Record<string, string>): Promise<Response> {
    let url = first;
    for (let hop = 0; ; hop += 1) {
      const { origin, pathname, search } = url;
      const answer = await request(origin + pathname + search, {
        dispatcher: agent,
        signal,
        headers: {
          accept: 'application/json, application/x-ndjson',
          'accept-encoding': 'gzip',
          ...(own !== null && origin === first.origin ? { authorization: own } : {}),
          ...headers,
        },
      });
      const header = (name: string): string | undefined => {
        const value = answer.headers[name];
        return Array.isArray(value) ? value[0] : value;
      };
      const to = header('location');
      if (![301, 302, 303, 307, 308].includes(answer.statusCode) || to === undefined)
        return {
          status: answer.statusCode,
          header,
          body: answer.body,
          text: () => beginning(answer.body),
        };
      left(answer.body);
      if (hop === MOST_REDIRECTS)
        throw new CannotFetch(`it redirects more than ${MOST_REDIRECTS} times`);
      url = new URL(to, url);
      await refuseInside(url);
    }
  }

  async function refuseInside({ protocol, hostname }: URL): Promise<void> {
    if (protocol !== 'http:' && protocol !== 'https:')
      throw new CannotFetch(`it redirects to ${protocol}, which is no address of HTTP`);
    if (hostname === first.hostname || !(await isNear(hostname))) return;
    if (!(await isNear(first.hostname)))
      throw new CannotFetch(`it redirects from a public server to ${hostname} inside this network`);
  }

  return { get, close: () => agent.destroy() };
}

const basic = ({ username, password }: URL): string => {
  const who = `${decodeURIComponent(username)}:${decodeURIComponent(password)}`;
  return `Basic ${Buffer.from(who).toString('base64')}`;
};

/** What is left unread is told as an error. */
export const left = (body: Readable): void => void body.on('error', () => {}).destroy();

async function beginning(body: Readable): Promise<string> {
  body.on('error', () => {});
  let text = '';
  try {
    for await (const chunk of body) {
      text += String(chunk);
      if (text.length >= TOLD) break;
    }
  } catch {
    // It is told as far as it came.
  }
  return text.slice(0, TOLD).trim();
}
