import type { Command } from 'commander';
import type { LoadedConfig } from '../config/load.ts';
import { createLog } from '../runtime/create-log.ts';
import { armFailpoint } from '../runtime/failpoint.ts';
import type { Log } from '../runtime/log.ts';
import { load } from './context.ts';

/** The configuration and a log for a process that stays: warnings are told once, at its start. */
export function loadProcess(command: Command, role: string): LoadedConfig & { log: Log } {
  const loaded = load(command);
  const log = createLog(role, loaded.config.log);
  for (const warning of loaded.warnings) log.warn({ runbook: 'start-warnings' }, warning);
  armFailpoint(loaded.config.failpoint, log);
  return { ...loaded, log };
}
