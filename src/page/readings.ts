/** All that is read again and again; what it means stands in src/operations. */
import { countReady } from '../broker/rabbitmq/queues.ts';
import { openGroupCounts } from '../claims/group-counts.ts';
import { readFolders } from '../config/folders.ts';
import type { Config } from '../config/schema.ts';
import { listProcesses } from '../coordination/processes.ts';
import { quantileOf } from '../domain/registrations/latency.ts';
import { LEGACY } from '../domain/names.ts';
import { openEtlRuns } from '../etl/run/records.ts';
import { AUDIT } from '../operations/audit-now.ts';
import { readKnownDoubts } from '../operations/decide.ts';
import { folderState } from '../operations/folder-state.ts';
import { openHistory } from '../operations/history.ts';
import { countMarked } from '../operations/limits.ts';
import { readPulse } from '../operations/pulse.ts';
import type { Reach } from '../operations/reach.ts';
import { readSchedules } from '../operations/schedules.ts';
import type { SeenRedrive } from '../operations/redrive.ts';
import { registrationFailures } from '../operations/registration-failures.ts';
import { countWaiting } from '../operations/stored-failures.ts';
import { readWorkers } from '../operations/worker-counts.ts';
import type { Store } from '../registrations/store.ts';
import type { Log } from '../runtime/log.ts';
import { seenRedrive } from './redrives.ts';
import { CALM_MS, createCell, WATCHED_MS } from './cell.ts';

const MOST_GROUPS = 1_000;
/** In one reading. */
const MOST_COMMITS = 2;
const MOST_DOUBTS = 200;
const MOST_ACTIONS = 100;
const MOST_RUNS = 20;
const DAY_MINUTES = 1_440;
const DAY_MS = DAY_MINUTES * 60_000;

export type Readings = ReturnType<typeof createReadings>;

/** @param log is told where counts had to be corrected */
export function createReadings(config: Config, reach: Reach, log: Log) {
  const ofStore = <T>(read: (store: Store) => Promise<T>, leastRestMs?: number) =>
    createCell(() => reach.store(read), undefined, leastRestMs);
  const calmly = <T>(read: (store: Store) => Promise<T>) => ofStore(read, CALM_MS);
  const control = ofStore(async (store) => ({
    control: await store.control.read(),
    limits: await store.control.limitsOf(LEGACY),
    processes: await listProcesses(store.own),
    inFlight: await countMarked(config, store),
  }));
  const workers = ofStore(async ({ own, clock }) => {
    const seen = await control.latest(WATCHED_MS);
    return readWorkers(config, own, seen.control, seen.processes, clock.now());
  });
  /** Of a day ago and more: Temporal is asked for them no more. */
  const forgotten = new Map<string, SeenRedrive>();
  return {
    control,
    /** Null where there is no intake queue. */
    queues: createCell(() => reach.rabbit((rabbit) => countReady(rabbit, config.rabbit))),
    pulse: ofStore(readPulse),
    /** Apart: where there are very many, the others are not read more seldom for it. */
    failed: ofStore((store) => countWaiting(registrationFailures(config, store))),
    doubts: ofStore((store) => readKnownDoubts(config, store, MOST_DOUBTS)),
    latency: calmly(async ({ latencies, own, clock }) => {
      const known = await latencies.read();
      const before = await openHistory(own).before(DAY_MINUTES, clock.now());
      const of = (q: number): number | null =>
        known.at === 0 ? null : Math.round(quantileOf(known, q));
      return {
        ...{ p50: of(0.5), p99: of(0.99) },
        yesterday: before === null ? null : { p50: before.legacyP50, p99: before.legacyP99 },
      };
    }),
    minutes: calmly(({ own, clock }) => openHistory(own).last(60, clock.now())),
    /** Workers have counted them as they came; what is left, such as what was done here just now, is counted before. */
    groups: ofStore(async ({ own, clock }) => {
      const counts = openGroupCounts(own, { retention: config.mongodb.retention, log });
      const since = await counts.catchUp(clock.now(), MOST_COMMITS);
      await counts.recountIfDue(clock.now());
      return { since, ...(await counts.read(clock.now(), MOST_GROUPS)) };
    }),
    workers,
    folders: ofStore(async ({ own }) => {
      const folders = readFolders(undefined)?.folders ?? [];
      const { control: now } = await control.latest(WATCHED_MS);
      return Promise.all(folders.map((folder) => folderState(config, own, now, folder)));
    }),
    etlRuns: ofStore(({ own }) => openEtlRuns(own).list(MOST_RUNS)),
    schedules: createCell(
      () => reach.temporal((client) => readSchedules(client, config)),
      undefined,
      CALM_MS,
    ),
    actions: ofStore(({ actions }) => actions.latest(MOST_ACTIONS)),
    audits: calmly(({ actions }) => actions.latestOf(AUDIT, MOST_RUNS)),
    redrives: ofStore(async (store) => {
      const found = await store.actions.latestOf(/^failures redrive/, MOST_RUNS);
      return Promise.all(
        found.map(async (each) => {
          const known = each.result === null ? forgotten.get(each._id) : undefined;
          const seen = known ?? (await seenRedrive({ config, reach, store }, each));
          const isOld = store.clock.now() - each.at.getTime() > DAY_MS;
          if (seen.isForgotten === true && isOld) forgotten.set(each._id, seen);
          return seen;
        }),
      );
    }),
  };
}
