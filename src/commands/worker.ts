import type { Command } from 'commander';
import { serveHealth } from '../runtime/health.ts';
import { createMetrics } from '../runtime/metrics.ts';
import { errorFacts } from '../runtime/log.ts';
import { scheduleSweeps } from '../temporal/schedules.ts';
import { installRuntime, startWorker } from '../worker.ts';
import { warnIfPlain } from '../temporal/data-converter.ts';
import { connectTemporal, registerSearchAttributes } from '../temporal/client.ts';
import { announce, loadProcess, unlessStopped, untilSignal } from './context.ts';

export function addWorker(program: Command): void {
  program
    .command('worker')
    .description('run workflows and activities: claim, submit, poll, settle')
    .option('--port <number>', 'port of /live, /ready and /metrics (0: any free one)')
    .addHelpText(
      'after',
      '\nRun as many as you like. SIGTERM finishes what is on the wire and leaves.\n\nExample: despachante worker --port 9465',
    )
    .action(async (options: { port?: string }, command: Command) => {
      const { config, log } = loadProcess(command, 'worker');
      installRuntime(log);
      const stopped = untilSignal(log);
      warnIfPlain(config, log);
      const client = await connectTemporal(config);
      await registerSearchAttributes(client);
      await scheduleSweeps(client, config).catch((error: unknown) => {
        // The job goes on without it, and duplicates still take over what they meet.
        log.warn(
          errorFacts(error),
          'Sweeps could not be scheduled: run "despachante sweep" by hand',
        );
      });
      await client.connection.close();
      const metrics = createMetrics();
      const worker = await unlessStopped(stopped, startWorker(config, metrics, log));
      let isStopping = false;
      const health = await serveHealth({
        host: config.health.host,
        port: Number(options.port ?? config.health.workerPort),
        metrics,
        checks: () => ({ ...worker.checks(), accepting: !isStopping }),
        details: () => ({ waitReason: worker.waitReason() }),
        refresh: worker.refresh,
      });
      announce({ health: health.port });
      log.info(
        { taskQueue: config.temporal.taskQueue, health: health.port },
        'The worker is running',
      );
      await Promise.race([stopped, worker.ended]);
      isStopping = true;
      await worker.stop();
      await health.close();
      log.info({}, 'The worker has stopped');
    });
}
