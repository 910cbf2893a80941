/** A long time at half load: does memory grow? Only on demand, since it takes as long as it takes. */
import { setTimeout as delay } from 'node:timers/promises';
import { rssMb } from '../../bench/processes.ts';
import { declareQueues } from '../../src/broker/rabbitmq/queues.ts';
import { flowOf } from '../helpers/flow.ts';
import { uniqueName } from '../helpers/servers.ts';
import { startSystem, type Role } from '../helpers/system.ts';
import { conclude } from './conclude.ts';
import type { Scenario, Trial, World } from './scenario.ts';

export const soaks: Scenario[] = [
  {
    name: 'soak/half-load',
    fault: 'Nothing but time, at about half of what the machine can do',
    isQuick: false,
    isOnDemand: true,
    runsAlone: true,
    run: soak,
  },
];

const SAMPLE_MS = 5_000;
/** What comes before this share of the time is warming up. */
const WARM = 1 / 4;

interface Sample {
  published: number;
  mb: number;
}

async function soak(world: World): Promise<Trial> {
  const { minutes, rate } = world.options;
  const env = {
    DESPACHANTE_LOG_LEVEL: 'warn',
    DESPACHANTE_LEGACY_MAX_CONCURRENT: '64',
    // Nothing is lost here: an answer that is late, since the machine has other work, is to be waited for.
    DESPACHANTE_LEGACY_TIMEOUT: '30s',
  };
  const system = await startSystem(world, { env });
  const flow = flowOf(system);
  await declareQueues(system.connection, system.config.rabbit);
  const prefix = uniqueName();
  const samples: Record<Role, Sample[]> = { worker: [], intake: [] };
  const begun = Date.now();
  const until = begun + minutes * 60_000;
  let published = 0;
  let sampledAt = 0;
  while (Date.now() < until) {
    const due = Math.floor(((Date.now() - begun) / 1_000) * rate) - published;
    await Promise.all(
      Array.from({ length: due }, () => flow.publish({ id: `${prefix}-${published++}` })),
    );
    if (Date.now() - sampledAt > SAMPLE_MS) {
      sampledAt = Date.now();
      for (const role of ['worker', 'intake'] as const) {
        samples[role].push({ published, mb: rssMb(system.child(role).pid) });
      }
    }
    await delay(50);
  }
  const note = `${minutes} min at ${rate}/s; worker ${told(samples.worker)}, intake ${told(samples.intake)}`;
  world.tell(note);
  const trial = await conclude(flow, { maxInDoubt: 0, faultEndedAt: null, withinMs: 300_000 });
  return { ...trial, note };
}

function told(samples: Sample[]): string {
  const warm = samples.slice(Math.floor(samples.length * WARM));
  const last = warm.at(-1)?.mb ?? 0;
  return `${Math.round(last)} MB, ${(slope(warm) * 10_000).toFixed(1)} MB per 10,000 registrations`;
}

/** Least squares, MB for each registration. */
function slope(samples: Sample[]): number {
  const mean = (of: (sample: Sample) => number) =>
    samples.reduce((sum, each) => sum + of(each), 0) / samples.length;
  const x = mean(({ published }) => published);
  const y = mean(({ mb }) => mb);
  const spread = mean(({ published }) => (published - x) ** 2);
  return spread === 0 ? 0 : mean(({ published, mb }) => (published - x) * (mb - y)) / spread;
}
