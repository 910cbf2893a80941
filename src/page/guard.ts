/** What every request has to pass before anything looks at it, and the headers that every answer has. */
import type { IncomingMessage, ServerResponse } from 'node:http';
import { isIP } from 'node:net';
import { hostNameOf, isLoopback, plainHost } from '../net/asked-by.ts';
import { Problem } from './problem.ts';

/** No script, style or frame of anybody else, and none that stands in the page itself. */
const POLICY = [
  "default-src 'none'",
  "script-src 'self'",
  "style-src 'self'",
  "img-src 'self'",
  "connect-src 'self'",
  "base-uri 'none'",
  "form-action 'self'",
  "frame-ancestors 'none'",
  "require-trusted-types-for 'script'",
].join('; ');

const HEADERS = {
  'content-security-policy': POLICY,
  'x-content-type-options': 'nosniff',
  'referrer-policy': 'no-referrer',
  'cross-origin-opener-policy': 'same-origin',
  'cross-origin-resource-policy': 'same-origin',
  'cache-control': 'no-store',
} as const;

export function setHeaders(response: ServerResponse): void {
  for (const [name, value] of Object.entries(HEADERS)) response.setHeader(name, value);
}

/**
 * A name that is not ours may be one that somebody has turned to us (DNS rebinding): for the browser its page and ours are of one
 * origin then. What changes something comes from our own page alone, and never as a form.
 * @param names by which it may be asked beside those of loopback and addresses in digits
 * @throws Problem
 */
export function refuseStrangers(
  { method, headers }: Pick<IncomingMessage, 'method' | 'headers'>,
  names: readonly string[],
): void {
  const host = hostNameOf(headers.host);
  const isOurs = (name: string): boolean =>
    isIP(name) !== 0 || isLoopback(name) || names.some((each) => plainHost(each) === name);
  if (host === null || !isOurs(host))
    throw new Problem(421, 'Ask by another name, or add this one to page.names');
  if (method === 'GET' || method === 'HEAD') return;
  if (!/^application\/json\s*(;|$)/i.test(headers['content-type'] ?? ''))
    throw new Problem(415, 'Send JSON, as application/json');
  const site = headers['sec-fetch-site'];
  if (site !== undefined ? site !== 'same-origin' : !isOwnOrigin(headers.origin, headers.host))
    throw new Problem(403, 'Only the page itself may ask for this: send its address as Origin');
}

/** A proxy in front of us may speak TLS. */
const isOwnOrigin = (origin: string | undefined, host = ''): boolean =>
  origin === `http://${host}` || origin === `https://${host}`;
