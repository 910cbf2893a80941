/** All that is read again and again; what it means stands in src/operations. */
import { queueDepths } from '../broker/rabbitmq/queues.ts';
import { readFolders } from '../config/folders.ts';
import type { Config } from '../config/schema.ts';
import type { Control } from '../coordination/control.ts';
import { listProcesses } from '../coordination/processes.ts';
import { quantileOf } from '../domain/registrations/latency.ts';
import { LEGACY, REGISTRATIONS } from '../domain/names.ts';
import { openEtlRuns } from '../etl/run/records.ts';
import { AUDIT } from '../operations/audit-now.ts';
import { readKnownDoubts } from '../operations/decide.ts';
import { folderState } from '../operations/folder-state.ts';
import { failuresOf } from '../operations/failures-of.ts';
import { openHistory } from '../operations/history.ts';
import { countMarked } from '../operations/limits.ts';
import { readPulse } from '../operations/pulse.ts';
import type { Reach } from '../operations/reach.ts';
import { readSchedules } from '../operations/schedules.ts';
import { failureGroups } from '../operations/stored-failures.ts';
import { readWorkers } from '../operations/worker-counts.ts';
import type { Store } from '../registrations/store.ts';
import { createCell } from './cell.ts';

const MOST_GROUPS = 1_000;
const MOST_DOUBTS = 200;
const MOST_ACTIONS = 100;
const MOST_RUNS = 20;
const DAY_MINUTES = 1_440;

export type Readings = ReturnType<typeof createReadings>;

export function createReadings(config: Config, reach: Reach) {
  const ofStore = <T>(read: (store: Store) => Promise<T>) => createCell(() => reach.store(read));
  const { intakeQueue, returnedQueue } = config.rabbit;
  return {
    control: ofStore(async (store) => ({
      control: await store.control.read(),
      limits: await store.control.limitsOf(LEGACY),
      processes: await listProcesses(store.own),
      inFlight: await countMarked(config, store),
    })),
    queues: createCell(async () => {
      const depths = await reach.rabbit((rabbit) =>
        queueDepths(rabbit, [intakeQueue, returnedQueue]),
      );
      return Object.values(depths).reduce((sum, depth) => sum + (depth?.messages ?? 0), 0);
    }),
    pulse: ofStore((store) => readPulse(config, store)),
    doubts: ofStore((store) => readKnownDoubts(config, store, MOST_DOUBTS)),
    latency: ofStore(async ({ latencies, own, clock }) => {
      const known = await latencies.read();
      const before = await openHistory(own).before(DAY_MINUTES, clock.now());
      const of = (q: number): number | null =>
        known.at === 0 ? null : Math.round(quantileOf(known, q));
      return {
        ...{ p50: of(0.5), p99: of(0.99) },
        yesterday: before === null ? null : { p50: before.legacyP50, p99: before.legacyP99 },
      };
    }),
    minutes: ofStore(({ own, clock }) => openHistory(own).last(60, clock.now())),
    groups: ofStore(async (store) => {
      const flows = [undefined, ...(await workersOf(store)).map(({ worker }) => worker)];
      const all = await Promise.all(
        flows.map(async (flow) => {
          const found = await failureGroups(failuresOf(config, store, flow), store.clock.now());
          return found.map((group) => ({ flow: flow ?? REGISTRATIONS, ...group }));
        }),
      );
      return all
        .flat()
        .sort((a, b) => b.waiting - a.waiting)
        .slice(0, MOST_GROUPS);
    }),
    workers: ofStore(workersOf),
    folders: ofStore(async ({ own, control }) => {
      const folders = readFolders(undefined)?.folders ?? [];
      const now = await control.read();
      return Promise.all(folders.map((folder) => folderState(config, own, now, folder)));
    }),
    etlRuns: ofStore(({ own }) => openEtlRuns(own).list(MOST_RUNS)),
    schedules: createCell(() => reach.temporal((client) => readSchedules(client, config))),
    actions: ofStore(({ actions }) => actions.latest(MOST_ACTIONS)),
    audits: ofStore(({ actions }) => actions.latestOf(AUDIT, MOST_RUNS)),
    redrives: ofStore(({ actions }) => actions.latestOf(/^failures redrive/, MOST_RUNS)),
  };

  async function workersOf(store: Store) {
    const control: Control = await store.control.read();
    const processes = await listProcesses(store.own);
    return readWorkers(config, store.own, control, processes, store.clock.now());
  }
}
