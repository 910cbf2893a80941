/** Who asks: by the token of a session, or as a proxy says that we trust. */
import { randomBytes } from 'node:crypto';
import type { IncomingMessage } from 'node:http';
import { BlockList, isIPv6 } from 'node:net';
import { isSame } from '../net/asked-by.ts';
import type { PageProxy } from '../config/page.ts';
import { Problem } from './problem.ts';
import type { Role } from './routes.ts';

export interface Who {
  name: string;
  role: Role;
  mayReveal: boolean;
  /** By whose bounds he goes: whoever signs in by a token calls himself as he likes. */
  holder: string;
}

/** A secret that opens a session. */
export interface Key {
  /** Null: several people have it, and each says who he is. */
  name: string | null;
  role: Role;
  mayReveal: boolean;
  secret: string;
}

const LIFE_MS = 12 * 3_600_000;
/** By one key. */
const MOST_SESSIONS = 50;
const MINUTE_MS = 60_000;
const MOST_FAILED = 5;

/** Counts what somebody does within a minute. */
export function createCounter(most: number, now = () => performance.now()) {
  const times = new Map<string, number[]>();
  const recent = (who: string): number[] =>
    (times.get(who) ?? []).filter((time) => time > now() - MINUTE_MS);
  return {
    isOver: (who: string): boolean => recent(who).length >= most,
    add(who: string): void {
      if (times.size > 10_000) times.clear();
      times.set(who, [...recent(who), now()]);
    },
  };
}

export type Sessions = ReturnType<typeof createSessions>;

export function createSessions(keys: readonly Key[], proxy: PageProxy, now = () => Date.now()) {
  const sessions = new Map<string, { who: Who; until: number }>();
  const failed = createCounter(MOST_FAILED);
  const trusted = new BlockList();
  for (const each of proxy.addresses) {
    const [address = '', bits] = each.split('/');
    const family = isIPv6(address) ? 'ipv6' : 'ipv4';
    if (bits === undefined) trusted.addAddress(address, family);
    else trusted.addSubnet(address, Number(bits), family);
  }
  const isProxy = proxy.addresses.length > 0;

  /** Its headers are believed from its addresses alone. */
  function behindProxy({ headers, socket }: IncomingMessage): Who | null {
    const address = (socket.remoteAddress ?? '').replace(/^::ffff:/, '');
    if (!trusted.check(address, isIPv6(address) ? 'ipv6' : 'ipv4')) return null;
    const name = textOf(headers['x-forwarded-user']);
    const groups = textOf(headers['x-forwarded-groups'])
      .split(',')
      .map((each) => each.trim());
    const isIn = (wanted: readonly string[]) => groups.some((each) => wanted.includes(each));
    const isOperator = isIn(proxy.operators);
    if (name === '' || !(isOperator || isIn(proxy.viewers))) return null;
    const role: Role = isOperator ? 'operator' : 'viewer';
    return { name, role, mayReveal: isOperator && isIn(proxy.revealers), holder: name };
  }

  return {
    isProxy,
    /** Null for nobody. */
    who(request: IncomingMessage): Who | null {
      if (isProxy) return behindProxy(request);
      const [, bearer = ''] =
        /^Bearer (\S{1,200})$/.exec(request.headers.authorization ?? '') ?? [];
      const session = sessions.get(bearer);
      if (session === undefined) return null;
      if (session.until > now()) return session.who;
      sessions.delete(bearer);
      return null;
    },
    /** @throws Problem where the secret is none of ours, where too many were tried, or where nobody has said who he is */
    open(secret: string, name: string | null, { socket }: IncomingMessage) {
      const address = socket.remoteAddress ?? '';
      if (failed.isOver(address))
        throw new Problem(429, 'Too many tokens were tried: wait a minute, and try again');
      const [found] = [...keys.entries()].filter(([, each]) => isSame(secret, each.secret));
      if (found === undefined) {
        failed.add(address);
        throw new Problem(401, 'This token opens nothing: take the link that the page printed');
      }
      const [place, { role, mayReveal, ...key }] = found;
      const called = name ?? key.name;
      if (called === null)
        throw new Problem(422, 'Say who you are: your name is written down with all that you do');
      const who: Who = { name: called, role, mayReveal, holder: `key ${place}` };
      const others = [...sessions].filter(([, each]) => each.who.holder === who.holder);
      const [oldest] = others;
      if (others.length >= MOST_SESSIONS && oldest !== undefined) sessions.delete(oldest[0]);
      const token = randomBytes(32).toString('base64url');
      const until = now() + LIFE_MS;
      sessions.set(token, { who, until });
      return { token, expiresAt: new Date(until), who };
    },
  };
}

const textOf = (header: string | string[] | undefined): string =>
  [header ?? ''].flat().join(',').trim();
