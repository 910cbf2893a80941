import { IllegalStateError } from '@temporalio/common';
import { DefaultLogger, NativeConnection, Runtime } from '@temporalio/worker';
import type { Config } from '../config/schema.ts';
import { failureDetail, withReason, type Log } from '../runtime/log.ts';
import { connectionOptions } from './client.ts';

/**
 * The connection of workers. Before the first of a process it makes Temporal's runtime, of which a process has one, and which goes
 * with the last; one that is there already is the program's own.
 * @throws what the SDK throws when Temporal cannot be reached
 */
export function connectNative(config: Config, log: Log): Promise<NativeConnection> {
  try {
    installRuntime(log);
  } catch (error) {
    if (!(error instanceof IllegalStateError)) throw error;
  }
  return NativeConnection.connect(connectionOptions(config));
}

function installRuntime(log: Log): void {
  Runtime.install({
    // Our own handlers stop the worker: several parts of a process must stop in order.
    shutdownSignals: [],
    logger: new DefaultLogger('WARN', ({ level, message, meta }) => {
      // Some take activities alone, and are to.
      if (message.startsWith('No workflows registered')) return;
      const runId: unknown = meta?.['runId'] ?? meta?.['run_id'];
      const facts = { source: 'temporal', runId, detail: failureDetail(meta?.['error']) };
      const sentence = withReason(message, meta?.['failure']);
      if (level === 'ERROR') log.error({ runbook: 'run-stands-still', ...facts }, sentence);
      else log.warn({ runbook: 'run-stands-still', ...facts }, sentence);
    }),
    // Else the native part writes its own lines, which are no JSON and hold whatever a failure holds.
    telemetryOptions: { logging: { filter: { core: 'WARN', other: 'ERROR' }, forward: {} } },
  });
}
