// Addresses as everybody may see them. Like src/runtime/mask.ts, which is not compiled yet when servers are started.

/** Parameters whose values are no secret. */
const OPEN = ['directConnection', 'replicaSet', 'tls', 'ssl', 'authSource'].map((name) =>
  name.toLowerCase(),
);

/** `guest:guest` is what a RabbitMQ of ours has, on this machine alone: people need it for its management page. */
const PUBLIC = 'guest:guest';

/** @returns the address without user, password, token and whatever else may be a secret */
export function masked(address) {
  const [, scheme = '', text] = /^([a-z][a-z0-9+.-]*:\/\/)?(.*)$/is.exec(address);
  if (scheme === '')
    return address.includes('@') ? `***${address.slice(address.lastIndexOf('@'))}` : address;
  const at = text.lastIndexOf('@');
  const who = at < 0 ? '' : text.slice(0, at) === PUBLIC ? `${PUBLIC}@` : '***@';
  const [, hosts, path, query = '', fragment = ''] = /^([^/?#]*)([^?#]*)(\?[^#]*)?(#.*)?$/s.exec(
    text.slice(at + 1),
  );
  // "user:secret" with its "@" forgotten.
  if (!hosts.split(',').every((host) => /^(\[[^\]]*\]|[^:]*)(:\d{0,5})?$/.test(host)))
    return `${scheme}***`;
  const parameters = query.replace(/[^?&;]+/g, (one) => {
    const name = one.split('=')[0];
    return OPEN.includes(name.toLowerCase()) ? one : `${name}=***`;
  });
  return scheme + who + hosts + withoutToken(scheme, path) + parameters + (fragment && '#***');
}

/** The path of the codec server's address is a token. */
const withoutToken = (scheme, path) =>
  scheme.startsWith('http') && /^\/[0-9a-f]{32}$/.test(path) ? '/***' : path;
