/** The ledgers of `start`: those of the system that it works on lie under their own names, those of others are set aside. */
import { existsSync, renameSync } from 'node:fs';
import { join } from 'node:path';
import { headOf, systemLabel, type LedgerHead } from '../audit/system-name.ts';

/**
 * The path of `<name>.jsonl` in the folder. One of another system, left by other servers' data, goes to a name that says whose it
 * is, and comes back when that system does.
 */
export function ledgerOf(folder: string, name: string, system: LedgerHead): string {
  const file = join(folder, `${name}.jsonl`);
  const asideOf = (whose: LedgerHead) => join(folder, `${name}-${systemLabel(whose)}.jsonl`);
  const head = headOf(file);
  if (head !== null && systemLabel(head) !== systemLabel(system)) renameSync(file, asideOf(head));
  const ours = asideOf(system);
  if (!existsSync(file) && existsSync(ours)) renameSync(ours, file);
  return file;
}
