/** Who may ask the codec server: by which name, from which page, with which token. */
import type { IncomingMessage } from 'node:http';
import { decodedOrBare } from '../domain/decoded.ts';
import { hostNameOf, isLoopback, isSame, plainHost } from '../net/asked-by.ts';
import { isOtherUser } from '../net/peer-user.ts';

export interface CodecToken {
  secret: string;
  /** It stands where other users of this machine can read it: then the connection has to be from ours. */
  ownUserOnly: boolean;
}

export interface CodecAccess {
  /** The names by which it may be asked, beside those of this machine's loopback and the address that was connected to. */
  hosts: readonly string[];
  /** The origins of the pages that may ask, such as that of Temporal Web. Who is no page tells none. */
  origins: readonly string[];
  /** One of them is expected, as `Authorization: Bearer <token>` or in the path: `/<token>/decode`. */
  tokens: readonly CodecToken[];
}

export class Refusal extends Error {
  readonly status: number;
  constructor(status: number, message: string) {
    super(message);
    this.status = status;
  }
}

/**
 * The origin of a page as a browser sends it, of an address that may have a path.
 * @throws Error that says how to write one. "null" is the origin of any sandboxed frame, and never one of ours.
 */
export function originOf(page: string): string {
  const url = /^https?:\/\//i.test(page) && URL.canParse(page) ? new URL(page) : null;
  if (url === null || url.username + url.password !== '' || url.host.includes('*')) {
    const meant = /^[\w.-]+(:\d{1,5})?$/.test(page) && page !== 'null' ? page : 'localhost:8233';
    throw new Error(
      `"${page.slice(0, 100)}" is no page: write it as it stands in the address bar, such as http://${meant}`,
    );
  }
  return url.origin;
}

/** A browser on this machine may know the page by either name. @throws Error as `originOf` does */
export function originsOf(page: string): string[] {
  const origin = originOf(page);
  const { protocol, hostname, port } = new URL(origin);
  const names = isLoopback(hostname) ? ['localhost', '127.0.0.1'] : [];
  const others = names.map((name) => `${protocol}//${name}${port === '' ? '' : `:${port}`}`);
  return [...new Set([origin, ...others])];
}

/** @throws Refusal for a name that is not ours (DNS rebinding), and for a page that may not ask */
export function refuseStrangers(
  { headers, socket }: IncomingMessage,
  { hosts, origins }: CodecAccess,
): void {
  const host = hostNameOf(headers.host);
  const own = [...hosts, socket.localAddress?.replace(/^::ffff:/, '') ?? ''].map(plainHost);
  if (host === null || !(isLoopback(host) || own.includes(host))) {
    throw new Refusal(
      403,
      `it may not be asked by the name ${JSON.stringify(headers.host?.slice(0, 100) ?? '')}: set TEMPORAL_CODEC_URL to the address that has this name`,
    );
  }
  // Any page could otherwise have the browser of somebody on this machine ask.
  const { origin } = headers;
  if (origin !== undefined && !origins.includes(origin)) {
    throw new Refusal(403, `pages of ${origin.slice(0, 100)} may not ask: see --origin`);
  }
}

/** The token may be the only folder of the path. @throws Refusal */
export function refuseWithoutToken(
  { headers, socket }: IncomingMessage,
  folders: readonly string[],
  tokens: readonly CodecToken[],
): void {
  const [, bearer] = /^Bearer (.+)$/.exec(headers.authorization ?? '') ?? [];
  const [folder, ...more] = folders;
  const inPath = folder === undefined || more.length > 0 ? [] : [folder, decodedOrBare(folder)];
  const given = bearer === undefined ? inPath : [bearer, ...inPath];
  const token = tokens.find(({ secret }) => given.some((each) => isSame(each, secret)));
  if (token === undefined) throw new Refusal(401, NO_TOKEN);
  if (token.ownUserOnly && isOtherUser(socket)) throw new Refusal(403, OTHER_USER);
}

const NO_TOKEN =
  'expected the token in the path (/<token>/decode), or as "Authorization: Bearer …" with CODEC_TOKEN';
const OTHER_USER =
  'another user of this machine asks, and the token of TEMPORAL_CODEC_URL is for the user alone who started this: give that person CODEC_TOKEN';
