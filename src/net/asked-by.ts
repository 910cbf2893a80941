/** By which name a server is asked, and whether a secret is the one that is meant. */
import { createHash, timingSafeEqual } from 'node:crypto';

export const isLoopback = (host: string): boolean =>
  /^(localhost|127(\.\d{1,3}){3}|\[?::1\]?)$/i.test(host);

/** "localhost." is localhost: the dot says that nothing follows. */
export const plainHost = (host: string): string => host.toLowerCase().replace(/^\[|\]$|\.$/g, '');

/** The name in a Host header; null for what is none. */
export function hostNameOf(host = ''): string | null {
  const written = /^[\w.-]+(:\d{1,5})?$|^\[[\da-f:.]+\](:\d{1,5})?$/i.test(host);
  return written ? plainHost(host.replace(/:\d{1,5}$/, '')) : null;
}

/** In a time that does not depend on where they differ. */
export const isSame = (one: string, other: string): boolean =>
  timingSafeEqual(digest(one), digest(other));

const digest = (text: string): Buffer => createHash('sha256').update(text).digest();
