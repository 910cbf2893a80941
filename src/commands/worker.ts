import type { Command } from 'commander';
import { readQueues } from '../config/queues.ts';
import { errorFacts } from '../runtime/log.ts';
import { addService, type Process, type Service } from './service.ts';
import { chosen, foldersOf, told } from './worker-choice.ts';
import { examples } from './examples.ts';

export function addWorker(program: Command): void {
  addService(program.command('worker'), 'worker', start).addHelpText(
    'after',
    `
Run as many as you like. SIGTERM finishes the requests on the wire and leaves.
${examples(
  ['On the standard port of health and metrics, 9465', 'despachante worker'],
  ['A second one on the same machine', 'despachante worker --port 9475'],
)}`,
  );
}

async function start(process: Process): Promise<Service> {
  const { config, log, metrics, client, unlessStopped } = process;
  const { OtherClaims, scheduleSweeps } = await import('../temporal/schedules.ts');
  const { startWorker } = await import('../worker.ts');
  await scheduleSweeps(client, config).catch((error: unknown) => {
    if (error instanceof OtherClaims) throw error;
    // The job goes on without it, and duplicates still take over what they meet.
    log.warn(
      { runbook: 'run-stands-still', ...errorFacts(error) },
      'Sweeps could not be scheduled: run "despachante sweep" by hand',
    );
  });
  const worker = await unlessStopped(startWorker(config, metrics, log));
  const workers = config.tasks.enabled ? await startAll(process) : null;
  const { taskQueue } = config.temporal;
  return {
    facts: { taskQueue },
    checks: () => ({ ...worker.checks(), ...workers?.checks() }),
    details: () => ({ waitReason: worker.waitReason(), closedBy: workers?.closedBy() }),
    ...(workers === null ? {} : { queues: () => workers.queues() }),
    refresh: () => worker.refresh(),
    ended: workers === null ? worker.ended : Promise.race([worker.ended, workers.ended]),
    async stop() {
      await Promise.all([worker.stop(), workers?.stop()]);
    },
  };
}

/** With tasks.enabled every worker of the folder runs here, too. */
async function startAll(process: Process) {
  const found = await chosen([], true, foldersOf({}, process.config));
  const queues = readQueues(undefined);
  const all = { found, areAll: true, queues, concurrency: null };
  const { startChosen } = await import('../door/start-chosen.ts');
  return process.unlessStopped(told(() => startChosen(process, all)));
}
