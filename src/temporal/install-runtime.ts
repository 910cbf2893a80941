import { DefaultLogger, Runtime } from '@temporalio/worker';
import { failureDetail, withReason, type Log } from '../runtime/log.ts';

/** Must run before anything else of Temporal's in this process: its runtime is made once. */
export function installRuntime(log: Log): void {
  Runtime.install({
    // Our own handlers stop the worker: several parts of a process must stop in order.
    shutdownSignals: [],
    logger: new DefaultLogger('WARN', ({ level, message, meta }) => {
      // Some take activities alone, and are to.
      if (message.startsWith('No workflows registered')) return;
      const runId: unknown = meta?.['runId'] ?? meta?.['run_id'];
      const facts = { source: 'temporal', runId, detail: failureDetail(meta?.['error']) };
      const sentence = withReason(message, meta?.['failure']);
      if (level === 'ERROR') log.error(facts, sentence);
      else log.warn(facts, sentence);
    }),
    // Else the native part writes its own lines, which are no JSON and hold whatever a failure holds.
    telemetryOptions: { logging: { filter: { core: 'WARN', other: 'ERROR' }, forward: {} } },
  });
}
