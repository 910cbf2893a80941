/** Collected folders as a part of a process: each is a worker, and they come and go as their file says. */
import { isDeepStrictEqual } from 'node:util';
import { hostname } from 'node:os';
import type { FoldersSetting, FolderSetting } from '../config/folders.ts';
import type { Environment } from '../config/tree.ts';
import { createCollector } from '../folders/collector.ts';
import { removeOld } from '../folders/retention.ts';
import { authorizationOf, openDelivery } from '../outbound/deliver.ts';
import { every } from '../runtime/every.ts';
import { errorFacts } from '../runtime/log.ts';
import type { Process } from './process.ts';
import { startTaskWorkers, type RunningWorkers } from '../task-workers.ts';
import type { MetricApi } from '../tasks/metric-push.ts';
import { folderWorker } from '../tasks/folder-worker.ts';
import { onThisHost } from '../tasks/on-host.ts';

export interface Collecting extends Omit<RunningWorkers, 'add' | 'remove' | 'tellMetrics'> {
  /** Starts, ends and changes folders, as the file has it now. */
  apply(setting: FoldersSetting): Promise<void>;
}

const metricApiOf = ({ metrics }: FoldersSetting, env: Environment): MetricApi | undefined =>
  metrics === null
    ? undefined
    : {
        ...{ url: metrics.url, everyMs: metrics.every },
        authorization: authorizationOf(metrics, env),
      };

/** So that a fault is told before anything is changed. @throws Error that names the variable that is missing */
function requireVariables({ folders, metrics }: FoldersSetting, env: Environment): void {
  for (const { send } of folders) authorizationOf(send, env);
  if (metrics !== null) authorizationOf(metrics, env);
}

const RETENTION_MS = 3_600_000;

/** @throws Error that names the neighbour that cannot be reached */
export async function startCollect(
  { config, forOthers, client, metrics: counts, log }: Process,
  initial: FoldersSetting,
): Promise<Collecting> {
  requireVariables(initial, forOthers);
  let now = initial;
  const collector = createCollector(initial.schedule);
  const folders = new Map<string, { folder: FolderSetting; close: () => Promise<void> }>();

  function open(folder: FolderSetting) {
    const delivery = openDelivery(folder.send, forOthers);
    const made = folderWorker({ folder, host: hostname(), delivery, collector, log });
    folders.set(folder.name, { folder, close: delivery.close });
    return made;
  }

  async function close(name: string): Promise<void> {
    const one = folders.get(name);
    folders.delete(name);
    await running.remove(name);
    await one?.close();
  }

  const running = await startTaskWorkers({
    config: onThisHost(config),
    workers: initial.folders.map(open),
    ...{ queues: [], client, metrics: counts, log },
    metricApi: metricApiOf(initial, forOthers),
  });
  const retention = every(
    RETENTION_MS,
    async () => {
      for (const { folder } of folders.values()) {
        const removed = await removeOld(folder.path, folder.keepDone, Date.now()).catch(
          (error: unknown) => {
            log.warn(
              { runbook: 'files-stay', folder: folder.name, ...errorFacts(error) },
              'Old files cannot be removed',
            );
            return 0;
          },
        );
        if (removed > 0)
          log.info({ folder: folder.name, removed }, 'Files sent long ago were removed');
      }
    },
    log,
    {
      runbook: 'files-stay',
      failed: 'Files sent long ago cannot be removed',
      again: 'Files sent long ago are removed again',
    },
  );
  void retention.run();

  return {
    ...running,
    async apply(setting) {
      requireVariables(setting, forOthers);
      const before = now;
      const { folders: wanted, schedule, metrics: api } = setting;
      if (schedule !== before.schedule) collector.order(schedule);
      if (!isDeepStrictEqual(api, before.metrics))
        await running.tellMetrics(metricApiOf(setting, forOthers));
      const gone = [...folders.values()].filter(
        ({ folder }) => !wanted.some((each) => isDeepStrictEqual(each, folder)),
      );
      await Promise.all(gone.map(({ folder }) => close(folder.name)));
      const fresh = wanted.filter(({ name }) => !folders.has(name));
      for (const folder of fresh) running.add(open(folder));
      if (gone.length + fresh.length > 0)
        log.info(
          { ended: gone.map(({ folder }) => folder.name), started: fresh.map(({ name }) => name) },
          'Folders were changed as their file says',
        );
      now = setting;
    },
    async stop() {
      await retention.close();
      await running.stop();
      await Promise.all([...folders.values()].map((one) => one.close()));
    },
  };
}
