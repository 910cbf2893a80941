// Through which HTTP proxy the legacy system is reached.
import type { Environment } from './tree.ts';

/** Null where it is reached directly. With `name`, the variable that says so. */
export interface Proxy {
  readonly url: string;
  readonly variable: string;
}

/**
 * As curl and the libraries of most languages read the environment: HTTPS_PROXY or HTTP_PROXY by the scheme, in large letters
 * or small ones, but for the hosts of NO_PROXY and for this machine.
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
  const [, name = '', only = port] =
    /^(?:\*?\.)?(\[[^\]]+\]|[^:]+)(?::(\d+))?$/.exec(exception.toLowerCase()) ?? [];
  return name !== '' && only === port && (host === name || host.endsWith(`.${name}`));
}
