/** Deploys under load: every process is stopped and started again, three times, the last time with another workflow. */
import assert from 'node:assert/strict';
import { cpSync, mkdtempSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { bundleWorkflows } from '../../src/temporal/bundle-workflows.ts';
import { startChild } from '../../src/runtime/child.ts';
import type { Child } from '../../src/runtime/child.ts';
import { flowOf } from '../helpers/flow.ts';
import { atEnd } from '../helpers/servers.ts';
import type { Ending } from '../helpers/servers.ts';
import { startSystem } from '../helpers/system.ts';
import type { Role, System } from '../helpers/system.ts';
import { conclude } from './conclude.ts';
import { SMALL, countIn, publishMixed } from './load.ts';
import type { Scenario, Trial, World } from './scenario.ts';

export const deploys: Scenario[] = [
  {
    name: 'deploy/rolling',
    fault:
      'Under load two workers and two intakes are stopped and started again: twice one of each after the other, then all at once, with a changed, patched workflow',
    isQuick: false,
    run: roll,
  },
];

const ROLES: Role[] = ['worker', 'intake', 'worker', 'intake'];

async function roll(world: World): Promise<Trial> {
  const env = { ...SMALL, DESPACHANTE_WORKER_SHUTDOWN_GRACE: '5s' };
  const system = await startSystem(world, { env, roles: [] });
  const flow = flowOf(system);
  const next = await nextVersion(world);
  let running: (Child | null)[] = [null, null, null, null];
  atEnd(world, async () => void (await Promise.all(running.map(async (child) => child?.stop()))));
  running = await Promise.all(ROLES.map((role, n) => start(role, n)));

  let isOver = false;
  const publishing = (async () => {
    while (!isOver) {
      await publishMixed(flow, countIn(world) / 5, { answerDelayMs: 100, latencyMs: 2_000 });
      await delay(500);
    }
  })();
  // Listened to below; a trial that fails before ends the connection under it, which must not end the suite.
  publishing.catch(() => {});
  let restarts = 0;
  for (let round = 1; round <= 2; round++) {
    for (const pair of [0, 2]) await Promise.all([restart(pair), restart(pair + 1)]);
  }
  // Of two workers with two versions the older would not know what the newer has patched: all old ones go before.
  await Promise.all([...ROLES.keys()].map(stop));
  running = await Promise.all(ROLES.map((role, n) => start(role, n, next)));
  const faultEndedAt = Date.now();
  isOver = true;
  await publishing;
  const trial = await conclude(flow, { maxInDoubt: 0, faultEndedAt });
  assert.deepEqual(await failedTasks(system), []);
  return { ...trial, times: restarts };

  async function restart(n: number): Promise<void> {
    await stop(n);
    running[n] = await start(ROLES[n] ?? 'worker', n);
  }

  async function stop(n: number): Promise<void> {
    const child = running[n];
    running[n] = null;
    await child?.stop();
    assert.equal(await child?.exited, 0);
    restarts += 1;
  }

  function start(role: Role, n: number, cli?: string): Promise<Child> {
    return startChild({
      args: [role, '--port', '0'],
      env: system.env,
      logFile: join(system.folder, `${role}-${n}.log`),
      ...(cli === undefined ? {} : { cli }),
    });
  }
}

/** The whole program once more, with other bundles of workflows beside it. Returns its command line. */
async function nextVersion(t: Ending): Promise<string> {
  const dist = fileURLToPath(new URL('../../', import.meta.url));
  const folder = mkdtempSync(join(dist, '.next-'));
  atEnd(t, () => rmSync(folder, { recursive: true }));
  for (const part of ['src', 'activities', 'workflows']) {
    cpSync(join(dist, part), join(folder, part), { recursive: true });
  }
  await bundleWorkflows(join(dist, 'test', 'helpers', 'patched-workflow.js'), folder);
  return join(folder, 'src', 'cli.js');
}

/** Failures of workflow tasks in any history, as `<run>: <cause>`. */
async function failedTasks({ client, config }: System): Promise<string[]> {
  const failed: string[] = [];
  const query = `TaskQueue = "${config.temporal.taskQueue}"`;
  for await (const { workflowId, runId } of client.workflow.list({ query })) {
    const { events } = await client.workflow.getHandle(workflowId, runId).fetchHistory();
    for (const { workflowTaskFailedEventAttributes: failure } of events ?? []) {
      if (failure) failed.push(`${workflowId}: ${failure.failure?.message ?? failure.cause}`);
    }
  }
  return failed;
}
