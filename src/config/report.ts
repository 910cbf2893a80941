// The effective configuration for people and programs: every setting, its value, and where it came from.
import pc from 'picocolors';
import type { LoadedConfig } from './load.ts';
import { ENVIRONMENT_ONLY, SECRETS } from './environment.ts';
import { leaves } from './tree.ts';
import { unitOf, valueText } from './units.ts';
import { maskText, maskUrl } from '../runtime/mask.ts';

export interface ConfigRow {
  readonly path: string;
  /** Resolved (milliseconds, bytes, null where absent), with secrets masked. */
  readonly value: unknown;
  /** The value as one would write it in the file: `20ms`, `512KiB`. */
  readonly text: string;
  /** `default`, `preset location-202`, `despachante.yaml:4` or `environment AMQP_URL`. */
  readonly origin: string;
}

const ADDRESSES = new Set(Object.values(ENVIRONMENT_ONLY));

/** A row for each setting, in the order of despachante.example.yaml, addresses first. */
export function configRows({ config, origins }: LoadedConfig): ConfigRow[] {
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

/** The rows as a table for a terminal; what somebody set stands out, warnings come last. */
export function configTable(loaded: LoadedConfig, colors = pc.isColorSupported): string {
  const { bold, dim, yellow } = pc.createColors(colors);
  const rows = configRows(loaded);
  const width = (column: 'path' | 'text') => Math.max(...rows.map((row) => row[column].length));
  const lines = rows.map((row) => {
    const plain = `${row.path.padEnd(width('path'))}  ${row.text.padEnd(width('text'))}  `;
    return row.origin === 'default' ? dim(plain + row.origin) : bold(plain) + row.origin;
  });
  return [...lines, ...loaded.warnings.map((warning) => yellow(`warning: ${warning}`))].join('\n');
}

/** The same for a program: the settings by path, and the warnings. */
export function configJson(loaded: LoadedConfig) {
  const settings = configRows(loaded).map(
    ({ path, value, origin }) => [path, { value, origin }] as const,
  );
  return { settings: Object.fromEntries(settings), warnings: loaded.warnings };
}
