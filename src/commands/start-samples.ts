/** Whether `start` may publish its samples: they are invented, and whoever takes them for real cannot tell. */
import type { Config } from '../config/schema.ts';
import { isYes } from './context.ts';
import { CommandError, EXIT } from './exit.ts';
import { number } from './table.ts';

export type Server = ReturnType<typeof serversOf>[number];

/**
 * `variable` holds the address, `host` is without user and password, `standardPort` is the one that an address without a port
 * means. `isOurs`: brought up by `start`, or by the engines of this machine.
 */
export function serversOf(
  { amqpUrl, mongodbUri, temporalAddress, legacyUrl }: Config,
  own: ReadonlySet<string>,
  isSimulated: boolean,
) {
  const amqp = new URL(amqpUrl);
  const legacy = new URL(legacyUrl);
  const server = (variable: string, host: string, standardPort: number, isOurs: boolean) => {
    return { variable, host, standardPort, isOurs };
  };
  const amqpPort = amqp.protocol === 'amqps:' ? 5671 : 5672;
  const legacyPort = legacy.protocol === 'https:' ? 443 : 80;
  return [
    server('AMQP_URL', amqp.host, amqpPort, own.has(amqpUrl)),
    server('MONGODB_URI', hostsOfMongo(mongodbUri), 27017, own.has(mongodbUri)),
    server('TEMPORAL_ADDRESS', temporalAddress, 7233, own.has(temporalAddress)),
    server('LEGACY_URL', legacy.host, legacyPort, isSimulated),
  ];
}

const hostsOfMongo = (uri: string): string =>
  /^mongodb(?:\+srv)?:\/\/(?:[^@/?]*@)?([^/?]+)/.exec(uri)?.[1] ?? '';

export interface Wish {
  count: number;
  /** `--count` was typed, and is not what stands there by default. */
  isTyped: boolean;
  confirmed: readonly string[];
}

/** `notPublished`: why nothing is published, where something was to be. */
export type Samples = { count: number; notPublished: string | null };

/**
 * Where all servers are ours, samples are published as wished. To others only what was asked for by number, once each host has
 * been named. Ours and others together need that word in any case, since real registrations could go to a simulator.
 * @throws CommandError when that word is missing; nothing was started then
 */
export async function samplesFor(servers: readonly Server[], wish: Wish): Promise<Samples> {
  const { count, isTyped, confirmed } = wish;
  const others = servers.filter(({ isOurs }) => !isOurs);
  if (others.length === 0) return { count, notPublished: null };
  const isMixed = others.length < servers.length;
  const isWanted = isTyped && count > 0;
  const open = others.filter((server) => !isNamed(server, confirmed));
  if (open.length > 0 && (isMixed || isWanted)) await ask(open, isWanted ? count : 0, isMixed);
  if (isWanted) return { count, notPublished: null };
  const areNotOurs = `${listOf(others)} ${others.length === 1 ? 'is' : 'are'} not ours, and samples are invented`;
  const notPublished = isTyped
    ? 'Nothing was published, as --count 0 says'
    : `Nothing was published: ${areNotOurs}. To publish some: --count <n> ${flagsFor(others)}`;
  return { count: 0, notPublished };
}

/** A name without a port means the standard one: another server may listen on the same host. */
const isNamed = ({ host, standardPort }: Server, confirmed: readonly string[]): boolean =>
  confirmed.some((name) => withPorts(name, standardPort) === withPorts(host, standardPort));

const withPorts = (hosts: string, standardPort: number): string =>
  hosts
    .toLowerCase()
    .split(',')
    .map((host) => (/:\d+$/.test(host) ? host : `${host}:${standardPort}`))
    .join();

export const listOf = (servers: readonly Server[]): string =>
  servers.map(({ variable, host }) => `${host} (${variable})`).join(', ');

const flagsFor = (servers: readonly Server[]): string =>
  [...new Set(servers.map(({ host }) => `--confirm-host ${host}`))].join(' ');

async function ask(open: readonly Server[], count: number, isMixed: boolean): Promise<void> {
  const mixing =
    'the other servers are those of this command, so that what waits on the one side would be worked off on the other';
  const danger = [
    ...(count > 0 ? [`${number(count)} invented registrations would be published and filed`] : []),
    ...(isMixed ? [mixing] : []),
  ].join('; ');
  const what = `${listOf(open)} ${open.length === 1 ? 'was' : 'were'} not brought up by this command: ${danger}`;
  if (!process.stdin.isTTY) {
    const without = count > 0 ? ' and leave --count out' : '';
    const own = isMixed ? `, or give all four addresses${without} (then nothing is published)` : '';
    throw new CommandError(
      `${what}. Nothing was published, and nothing started. If it is meant, add ${flagsFor(open)}${own}`,
      EXIT.usage,
    );
  }
  if (!(await isYes(`${what}. Go on?`)))
    throw new CommandError('Nothing was published, and nothing started');
}
