/** What `startWorkers` does. */
import { chooseFrom } from '../workers/choose.ts';
import { discoverAll } from '../workers/webhooks.ts';
import { loadWorkers } from '../workers/registry.ts';
import { healthOf } from '../runtime/health.ts';
import { errorFacts } from '../runtime/log.ts';
import { createMetrics } from '../runtime/metrics.ts';
import { connectReady } from '../temporal/ready.ts';
import { close, connected } from './connected.ts';
import { startChosen } from './start-chosen.ts';
import type { StartedWorkers, StartOptions } from './start.ts';

/** As startWorkers says. */
export async function start(options: StartOptions): Promise<StartedWorkers> {
  const at = connected();
  const { config, queues, log } = at;
  const metrics = createMetrics();
  const { folder } = config.tasks;
  const paths = options.files ?? null;
  const { found: all } = await discoverAll(queues, { paths, folder }, (files) =>
    loadWorkers(files, { skipBroken: options.skipBroken === true }),
  );
  const found = chooseFrom(all, options.workers ?? null, paths ?? [folder]);
  const client = await connectReady(config, log);
  const areAll = options.workers === undefined;
  const chosen = { found, queues, concurrency: options.concurrency ?? null, areAll };
  const running = await startChosen({ ...at, client, metrics }, chosen).catch(
    async (error: unknown) => {
      await client.connection.close();
      throw error;
    },
  );

  let stopping: Promise<void> | null = null;
  const stop = (): Promise<void> => (stopping ??= stopAll());
  async function stopAll(): Promise<void> {
    await running
      .stop()
      .catch((error: unknown) =>
        log.error(
          { runbook: 'report-a-fault', ...errorFacts(error) },
          'The workers did not stop in order',
        ),
      );
    await client.connection.close();
    await close();
    log.info({}, 'The workers have stopped');
  }
  const ended = running.ended.then(stop, async (error: unknown) => {
    log.error(
      { runbook: 'process-offline', ...errorFacts(error) },
      'The workers cannot go on, and stop',
    );
    await stop();
    throw error;
  });
  // Whoever does not ask is told by the log.
  ended.catch(() => {});
  const workers = found.map(({ worker }) => worker.name);
  log.info({ workers }, 'The workers are running');
  return {
    workers,
    health: () => healthOf(running.queues()),
    metrics: () => metrics.registry.metrics(),
    ended,
    stop,
  };
}
