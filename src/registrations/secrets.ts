/** What the legacy system echoes of our own secrets: taken out of every text that is kept or shown. */
import type { Config } from '../config/schema.ts';

type Keeping = Pick<Config, 'legacyAuthorization'> & {
  legacy: Pick<Config['legacy'], 'sentHeaders' | 'sentQuery'>;
};

/** Each secret in every form in which it was sent, or may come back, as `***`. */
export function secretsMask(config: Keeping): (text: string) => string {
  const forms = [...new Set(secretsIn(config).flatMap(formsOf))]
    .filter((form) => form !== '')
    .sort((a, b) => b.length - a.length)
    .map((form) => form.replaceAll(/[\\^$.*+?()[\]{}|/-]/g, '\\$&'));
  if (forms.length === 0) return (text) => text;
  // Percent-encoding has hex digits of either case.
  const any = new RegExp(forms.join('|'), 'gi');
  return (text) => text.replace(any, '***');
}

function secretsIn({ legacy, legacyAuthorization }: Keeping): string[] {
  const sent = [...legacy.sentHeaders.values(), ...legacy.sentQuery.values()];
  const secrets = sent.flatMap(({ text, isSecret }) => (isSecret ? [text] : []));
  if (legacyAuthorization !== null) secrets.push(legacyAuthorization);
  return secrets.flatMap((secret) => [secret, ...partsOf(secret)]);
}

/** `Bearer <token>` without its scheme; `Basic <base64>` also as user and password. */
function partsOf(credentials: string): string[] {
  const [, scheme = '', token] = /^([\w-]+)\s+(\S.*)$/.exec(credentials) ?? [];
  if (token === undefined) return [];
  if (scheme.toLowerCase() !== 'basic') return [token];
  const plain = Buffer.from(token, 'base64').toString();
  return [token, plain, plain.slice(plain.indexOf(':') + 1)];
}

const formsOf = (secret: string): string[] => [
  secret,
  encodeURIComponent(secret),
  new URLSearchParams([['', secret]]).toString().slice(1),
  JSON.stringify(secret).slice(1, -1),
];
