import type { Command } from 'commander';
import { errorFacts } from '../runtime/log.ts';
import { OtherClaims, scheduleSweeps } from '../temporal/schedules.ts';
import { installRuntime, startWorker } from '../worker.ts';
import { addService, type Process, type Service } from './service.ts';

export function addWorker(program: Command): void {
  addService(program, 'worker', start, installRuntime)
    .description('run workflows and activities: claim, submit, poll, settle')
    .addHelpText(
      'after',
      `
Run as many as you like. SIGTERM finishes what is on the wire and leaves.

Example: despachante worker --port 9465`,
    );
}

async function start({ config, log, metrics, client, unlessStopped }: Process): Promise<Service> {
  await scheduleSweeps(client, config).catch((error: unknown) => {
    if (error instanceof OtherClaims) throw error;
    // The job goes on without it, and duplicates still take over what they meet.
    log.warn(errorFacts(error), 'Sweeps could not be scheduled: run "despachante sweep" by hand');
  });
  const worker = await unlessStopped(startWorker(config, metrics, log));
  const { taskQueue } = config.temporal;
  return { ...worker, facts: { taskQueue }, details: () => ({ waitReason: worker.waitReason() }) };
}
