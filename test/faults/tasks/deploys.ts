/** Processes of workers are stopped and started again with other code, one after the other, under load. */
import assert from 'node:assert/strict';
import { setTimeout as delay } from 'node:timers/promises';
import { noKafka } from '../../helpers/kafka.ts';
import { NOT_TRIED, type Scenario, type Trial, type World } from '../scenario.ts';
import { concludeTasks } from './conclude.ts';
import { countIn, publishLoad, type Expected } from './load.ts';
import { taskSystem } from './system.ts';

const PROCESSES = ['one', 'two'] as const;
const VERSIONS = ['1', '2', '3'] as const;
const BETWEEN_MS = 2_000;
const PUBLISH_EACH_MS = 1_000;

async function roll(world: World, broker: 'rabbitmq' | 'kafka'): Promise<Trial> {
  if (broker === 'kafka' && noKafka !== false) return NOT_TRIED;
  const system = await taskSystem(world, { broker, workMs: 100 });
  const start = (name: string, version: string) => system.start(name, { WITNESS_VERSION: version });
  await Promise.all(PROCESSES.map((name) => start(name, '1')));
  const expected: Expected = new Map();
  const publish = async (): Promise<void> => {
    const more = await publishLoad(system.transport, countIn(world) / 10);
    for (const [id, end] of more) expected.set(id, end);
  };
  let isOver = false;
  const publishing = (async () => {
    while (!isOver) {
      await publish();
      await delay(PUBLISH_EACH_MS);
    }
  })();
  // Listened to below; a trial that fails before ends the connection under it, which must not end the suite.
  publishing.catch(() => {});
  let stops = 0;
  for (const version of VERSIONS.slice(1))
    for (const name of PROCESSES) {
      await delay(BETWEEN_MS);
      await system.stop(name);
      await start(name, version);
      stops += 1;
    }
  const faultEndedAt = Date.now();
  isOver = true;
  await publishing;
  await publish();
  // A handler that goes on for longer than its process waits begins again elsewhere; here none does.
  const trial = await concludeTasks(system, expected, { faultEndedAt, mostAgain: 0 });
  const versions = new Set(system.testimonies().map(({ version }) => version));
  assert.deepEqual([...versions].sort(), [...VERSIONS], 'not every version has run');
  return { ...trial, times: stops };
}

export const taskDeploys: Scenario[] = (['rabbitmq', 'kafka'] as const).map((broker) => ({
  name: `tasks/deploy-${broker}`,
  fault: `Two processes of workers are stopped in order and started again with changed code, one after the other, twice, under load; messages come from ${broker === 'kafka' ? 'Kafka' : 'RabbitMQ'}`,
  isQuick: false,
  run: (world) => roll(world, broker),
}));
