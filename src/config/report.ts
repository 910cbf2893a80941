// The effective configuration: every setting, its value, and where it came from.
import type { LoadedConfig } from './load.ts';
import { ENVIRONMENT_ONLY, SECRETS } from './environment.ts';
import { leaves } from './tree.ts';
import { unitOf, valueText } from './units.ts';
import { maskText, maskUrl } from '../runtime/mask.ts';

const ADDRESSES = new Set(Object.values(ENVIRONMENT_ONLY));

/**
 * A row for each setting, in the order of despachante.example.yaml, addresses first. `value` is resolved, with secrets masked;
 * `text` as one would write it in the file.
 */
export function configRows({ config, origins }: LoadedConfig) {
  return leaves(config).flatMap(([path, raw]) => {
    const origin = origins[path];
    // A constant is no setting.
    if (origin === undefined) return [];
    const value = masked(path, raw);
    return [{ path, value, text: valueText(value, unitOf(path)), origin }];
  });
}

function masked(path: string, value: unknown): unknown {
  if (typeof value !== 'string') return value;
  if (SECRETS.has(path)) return '***';
  // Its path is a token.
  if (path === 'temporal.codecUrl') return `${new URL(value).origin}/***`;
  // A secret in the wrong place is one all the same.
  return ADDRESSES.has(path) ? maskUrl(value) : maskText(value);
}

export function configJson(loaded: LoadedConfig) {
  const settings = configRows(loaded).map(
    ({ path, value, origin }) => [path, { value, origin }] as const,
  );
  return { settings: Object.fromEntries(settings), warnings: loaded.warnings };
}
