// The environment as code of others may see it, such as the handlers of tasks.
import { environmentNames } from './environment.ts';
import type { Environment } from './tree.ts';

const OURS = /^DESPACHANTE_/;

/**
 * Without our settings, addresses and secrets, and without what legacy.headers and legacy.query name. All else is theirs: the
 * path, a proxy, the addresses of what they call.
 */
export function withoutOurs(
  env: Environment,
  legacy: Readonly<Record<'headers' | 'query', Readonly<Record<string, string | { env: string }>>>>,
): Environment {
  const sent = [legacy.headers, legacy.query].flatMap((each) => Object.values(each));
  const named = sent.flatMap((value) => (typeof value === 'string' ? [] : [value.env]));
  const ours = new Set([...environmentNames, ...named]);
  return Object.fromEntries(
    Object.entries(env).filter(([name]) => !ours.has(name) && !OURS.test(name)),
  );
}
