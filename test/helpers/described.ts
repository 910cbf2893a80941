/** A legacy system as somebody describes it in despachante.yaml. */
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { contractOf } from '../../src/config/contract.ts';
import { loadConfig } from '../../src/config/load.ts';
import type { Config } from '../../src/config/schema.ts';
import type { Answered, Contract } from '../../src/domain/registrations/described.ts';
import { readBody } from '../../src/net/body.ts';

/** @param legacy what stands below `legacy:`, as YAML in one line (`{…}`) or JSON */
export function described(legacy: string, env: Record<string, string> = {}): Config {
  const folder = mkdtempSync(join(tmpdir(), 'despachante-described-'));
  const file = join(folder, 'despachante.yaml');
  try {
    writeFileSync(file, `legacy: ${legacy}\n`);
    return loadConfig({ file, env: { LEGACY_URL: 'http://office.example/api', ...env } }).config;
  } finally {
    rmSync(folder, { recursive: true });
  }
}

export const contractIn = (legacy: string): Contract => contractOf(described(legacy));

/** An answer of a status, with a body as text or JSON. */
export function answer(
  status: number,
  body: unknown = '',
  headers: Record<string, string> = {},
): Answered {
  const text = typeof body === 'string' ? body : JSON.stringify(body);
  const { json, ...read } = readBody(headers, Buffer.from(text), 1024 * 1024);
  return { status, headers, body: json, ...read };
}
