/** Whether `start` may publish its samples: they are invented, and whoever takes them for real cannot tell. */
import { createInterface } from 'node:readline/promises';
import type { Config } from '../config-schema.ts';
import { CommandError, EXIT } from './context.ts';
import { line, number } from './table.ts';

export interface Server {
  /** The variable that holds its address. */
  variable: string;
  /** Without user and password. */
  host: string;
  /** Brought up by `start`, or by the engines of this machine. */
  isOurs: boolean;
}

export function serversOf(
  { amqpUrl, mongodbUri, temporalAddress, legacyUrl }: Config,
  own: ReadonlySet<string>,
  isSimulated: boolean,
): Server[] {
  return [
    { variable: 'AMQP_URL', host: new URL(amqpUrl).host, isOurs: own.has(amqpUrl) },
    { variable: 'MONGODB_URI', host: hostsOfMongo(mongodbUri), isOurs: own.has(mongodbUri) },
    { variable: 'TEMPORAL_ADDRESS', host: temporalAddress, isOurs: own.has(temporalAddress) },
    { variable: 'LEGACY_URL', host: new URL(legacyUrl).host, isOurs: isSimulated },
  ];
}

const hostsOfMongo = (uri: string): string =>
  /^mongodb(?:\+srv)?:\/\/(?:[^@/?]*@)?([^/?]+)/.exec(uri)?.[1] ?? '';

export interface Wish {
  count: number;
  /** `--count` was typed, and is not what stands there by default. */
  isTyped: boolean;
  /** The hosts that were named by `--confirm-host`. */
  confirmed: readonly string[];
}

/** `notPublished`: why nothing is published, where something was to be. */
export type Samples = { count: number; notPublished: string | null };

/**
 * Where all servers are ours, samples are published as wished. To others only what was asked for by number, once each host has
 * been named. Ours and others together need that word in any case: what waits at the one would be worked off with the other,
 * real registrations with a simulator, or samples of yesterday with a real legacy system.
 * @throws CommandError when that word is missing; nothing was started then
 */
export async function samplesFor(servers: readonly Server[], wish: Wish): Promise<Samples> {
  const { count, isTyped, confirmed } = wish;
  const others = servers.filter(({ isOurs }) => !isOurs);
  if (others.length === 0) return { count, notPublished: null };
  const isMixed = others.length < servers.length;
  const isWanted = isTyped && count > 0;
  const open = others.filter(({ host }) => !isNamed(host, confirmed));
  if (open.length > 0 && (isMixed || isWanted)) await ask(open, isWanted ? count : 0, isMixed);
  if (isWanted) return { count, notPublished: null };
  const notPublished = `Nothing was published: ${listOf(others)} ${others.length === 1 ? 'is' : 'are'} not ours, and samples are invented. To publish some: --count <n> ${flagsFor(others)}`;
  return { count: 0, notPublished };
}

/** With or without its port. */
const isNamed = (host: string, confirmed: readonly string[]): boolean =>
  confirmed.some((name) => name === host || name === host.replace(/:\d+$/, ''));

export const listOf = (servers: readonly Server[]): string =>
  servers.map(({ variable, host }) => `${host} (${variable})`).join(', ');

const flagsFor = (servers: readonly Server[]): string =>
  [...new Set(servers.map(({ host }) => `--confirm-host ${host}`))].join(' ');

async function ask(open: readonly Server[], count: number, isMixed: boolean): Promise<void> {
  const danger = [
    ...(count > 0 ? [`${number(count)} invented registrations would be published and filed`] : []),
    ...(isMixed
      ? [
          'the other servers are those of this command, so that what waits on the one side would be worked off on the other',
        ]
      : []),
  ].join('; ');
  const what = `${listOf(open)} ${open.length === 1 ? 'was' : 'were'} not brought up by this command: ${danger}`;
  if (!process.stdin.isTTY) {
    const own = isMixed ? ', or give all four addresses (then nothing is published)' : '';
    throw new CommandError(
      `${what}. Nothing was published, and nothing started. If it is meant: ${flagsFor(open)}${own}`,
      EXIT.usage,
    );
  }
  const asking = createInterface({ input: process.stdin, output: process.stderr });
  const answer = await asking
    .question(`${line(what)}. Go on? [y/N] `)
    .finally(() => asking.close());
  if (!/^y(es)?$/i.test(answer.trim()))
    throw new CommandError('Nothing was published, and nothing started');
}
