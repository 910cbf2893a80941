// Through which HTTP proxy the legacy system is reached.
import { BlockList, isIP } from 'node:net';
import type { Environment } from './tree.ts';

/** Null where it is reached directly. With `name`, the variable that says so. */
export interface Proxy {
  readonly url: string;
  readonly variable: string;
}

/**
 * As curl and the libraries of most languages read the environment: HTTPS_PROXY or HTTP_PROXY by the scheme, in large letters
 * or small ones, but for the hosts and networks of NO_PROXY and for this machine.
 */
export function proxyFor(address: string, env: Environment): Proxy | null {
  if (!URL.canParse(address)) return null;
  const { protocol, hostname, port } = new URL(address);
  const variable = named(protocol === 'https:' ? 'HTTPS_PROXY' : 'HTTP_PROXY', env);
  if (variable === null || isLocal(hostname)) return null;
  const exceptions = env[named('NO_PROXY', env) ?? ''] ?? '';
  const isException = exceptions
    .split(/[\s,]+/)
    .some((each) => isMeant(each, hostname, port || (protocol === 'https:' ? '443' : '80')));
  return isException ? null : { url: env[variable] ?? '', variable };
}

const named = (name: string, env: Environment): string | null =>
  [name.toLowerCase(), name].find((each) => (env[each] ?? '') !== '') ?? null;

const isLocal = (host: string): boolean =>
  /^(localhost|.*\.localhost|127(\.\d+){3}|\[::1\])$/.test(host);

function isMeant(exception: string, host: string, port: string): boolean {
  if (exception === '*') return true;
  if (exception.includes('/')) return isWithin(exception, host);
  const [, name = '', only = port] =
    /^(?:\*?\.)?(\[[^\]]+\]|[^:]+)(?::(\d+))?$/.exec(exception.toLowerCase()) ?? [];
  const [meant, plain] = [withoutEnd(name), withoutEnd(host)];
  return (
    (meant !== '' && only === port && (plain === meant || plain.endsWith(`.${meant}`))) ||
    (isIP(exception) === 6 && isWithin(`${exception}/128`, host))
  );
}

/** A full stop at the end of a name says nothing here. */
const withoutEnd = (name: string): string => name.replace(/\.$/, '');

/** @param network such as 10.0.0.0/8: no name is in one, since we look none up */
function isWithin(network: string, host: string): boolean {
  const [, address = '', bits = ''] = /^([^/]+)\/(\d{1,3})$/.exec(network) ?? [];
  const asked = host.replace(/^\[(.*)\]$/, '$1');
  const version = isIP(address);
  if (version === 0 || isIP(asked) !== version) return false;
  if (Number(bits) > (version === 4 ? 32 : 128)) return false;
  const list = new BlockList();
  const family = version === 4 ? 'ipv4' : 'ipv6';
  list.addSubnet(address, Number(bits), family);
  return list.check(asked, family);
}
