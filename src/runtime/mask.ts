/** Keeps secrets out of everything a person, a log or an error message shows. */

/** Parameters of addresses whose values everybody may know, in lower case. Any other may be a secret. */
const OPEN_PARAMETERS: ReadonlySet<string> = new Set(
  [
    'appName authMechanism authSource channelMax compressors connectTimeoutMS directConnection externalId frameMax',
    'heartbeat heartbeatFrequencyMS journal loadBalanced localThresholdMS locale maxIdleTimeMS maxPoolSize minPoolSize',
    'readConcernLevel readPreference replicaSet retryReads retryWrites serverSelectionTimeoutMS socketTimeoutMS',
    'srvMaxHosts srvServiceName ssl tls tlsAllowInvalidCertificates tlsAllowInvalidHostnames tlsInsecure w',
    'waitQueueTimeoutMS wtimeoutMS',
  ]
    .join(' ')
    .toLowerCase()
    .split(' '),
);

/**
 * The address with its credentials replaced by `***`. Works on text that is no valid URL as well: a password with
 * an unescaped `/`, `#` or `@` is the very reason why a URL is refused, so everything up to the last `@` goes.
 */
export function maskUrl(url: string): string {
  const scheme = /^[a-z][a-z0-9+.-]*:\/\//i.exec(url)?.[0] ?? '';
  const at = url.lastIndexOf('@');
  if (at >= scheme.length) return `${scheme}***@${withoutSecrets(url.slice(at + 1))}`;
  return scheme + withoutSecrets(url.slice(scheme.length));
}

/** What stands behind the credentials: hosts, path, parameters. */
function withoutSecrets(text: string): string {
  const [, hosts = '', path = '', query = '', fragment = ''] =
    /^([^/?#]*)([^?#]*)(\?[^#]*)?(#.*)?$/s.exec(text) ?? [];
  // `user:secret` with its `@` forgotten: the secret may go on after a "/".
  if (!hosts.split(',').every(isHost)) return '***';
  return hosts + path + query.replace(/[^?&;]+/g, maskParameter) + (fragment === '' ? '' : '#***');
}

const isHost = (text: string): boolean => /^(\[[^\]]*\]|[^:]*)(:\d{0,5})?$/.test(text);

function maskParameter(text: string): string {
  const end = text.indexOf('=');
  if (end < 0) return OPEN_PARAMETERS.has(nameOf(text)) ? text : '***';
  return OPEN_PARAMETERS.has(nameOf(text.slice(0, end))) ? text : `${text.slice(0, end)}=***`;
}

/** As a driver reads it: percent-encoded or not, in whatever letters. */
function nameOf(text: string): string {
  try {
    return decodeURIComponent(text.replaceAll('+', ' ')).trim().toLowerCase();
  } catch {
    return text.toLowerCase();
  }
}

const SECRET_WORD =
  'pass(?:word|wd|phrase)?|pwd|secret|token|api[-_]?key|access[-_]?key|private[-_]?key|signature|sig|auth|authorization|credentials?';
/** `password=x`, `"client_secret": "x"`; no word about what stands before: to look for it from each place would be quadratic. */
const NAMED_SECRET = new RegExp(
  `((?:${SECRET_WORD})["']?(?:=|"\\s*:\\s*")["']?)[^\\s"'&,;)}]+`,
  'gi',
);

/** `k1:<32 bytes in base64>`, as ENCRYPTION_KEYS has them. */
const ENCRYPTION_KEY = /[\w.-]{1,64}:[A-Za-z0-9+/_-]{43}(?:=|(?![A-Za-z0-9+/_-]))/g;

const AROUND: ReadonlySet<string> = new Set('"\'`)]}>,.;:!?');

/** Words of a neighbour or of a library, with the addresses and the named secrets in them masked. */
export function maskText(text: string): string {
  return text
    .replace(/[a-z][a-z0-9+.-]{0,30}:\/\/\S+/gi, (found) => {
      // Quotes, brackets and full stops behind an address are no part of it.
      let end = found.length;
      while (end > 0 && AROUND.has(found.charAt(end - 1))) end -= 1;
      return maskUrl(found.slice(0, end)) + found.slice(end);
    })
    .replace(/\b(Bearer|Basic)\s+[\w.~+/=-]{8,}/g, '$1 ***')
    .replace(NAMED_SECRET, '$1***')
    .replace(ENCRYPTION_KEY, '***');
}
