/** The processes that run, or ran within a day, by MongoDB's clock. One that missed three beats is offline, for everybody. */
import { randomUUID } from 'node:crypto';
import { readFileSync, readlinkSync } from 'node:fs';
import { hostname } from 'node:os';
import type { Collection, Document } from 'mongodb';
import { GIVEN_UP_MS, PROCESS_BEAT_MS, SILENT_MS } from '../domain/timing.ts';
import { VERSION } from '../domain/names.ts';
import { expireAfter } from '../mongo/indexes.ts';
import { EXPIRY, OWN, type OwnDatabase } from '../mongo/collections.ts';
import { LIGHT, NOW } from '../mongo/server-time.ts';
import { every, type Every } from '../runtime/every.ts';
import type { Guard, Vitals } from '../runtime/guard.ts';
import type { Log } from '../runtime/log.ts';
import { within } from '../runtime/retry.ts';

/** What a worker uses of an endpoint. */
export interface EndpointUse {
  /** Requests that it may have on the wire at once, and that the others therefore may not. */
  share: number;
  onTheWire: number;
  /** Why nothing is sent to it, in words. */
  waitReason: string | null;
}

/** What a process has of a source that it takes from. */
export interface SourceUse {
  /** Of registrations, or the name of a worker. */
  name: string;
  /** Deliveries that no run has yet. */
  deliveries: number;
  closedBy: string | null;
  /** Of a worker: where its messages come from, and the calls of its handler. */
  worker?: {
    from: { broker: string; name: string; group?: string };
    /** Whether queues.yaml says which broker that is on. */
    ofFile: boolean;
    calls: number;
    concurrency: number;
  };
}

export interface ProcessDocument {
  _id: `process/${string}`;
  role: 'worker' | 'intake' | 'tasks';
  host: string;
  /** Where its pid means something. */
  machine: string | null;
  pid: number;
  version: string;
  since: Date;
  beatAt: Date;
  /** How often it beats. */
  everyMs: number;
  stoppedAt: Date | null;
  /** null until it has looked at itself. */
  vitals: Vitals | null;
  suffers: string | null;
  /** A list, since names may have dots. */
  sources: SourceUse[];
  /** Of a worker, by name. */
  endpoints?: Record<string, EndpointUse>;
}

/** As it was when it was read. */
export interface SeenProcess extends ProcessDocument {
  state: 'alive' | 'offline' | 'stopped';
  /** ms since its last beat. */
  silentMs: number;
}

const SILENT: Document = { $multiply: ['$everyMs', SILENT_MS / PROCESS_BEAT_MS] };

/** The state of each by MongoDB's clock. */
const SEEN: Document[] = [
  { $set: { silentMs: { $subtract: [NOW, { $toLong: '$beatAt' }] } } },
  {
    $set: {
      state: {
        $cond: [
          { $ne: ['$stoppedAt', null] },
          'stopped',
          { $cond: [{ $gt: ['$silentMs', SILENT] }, 'offline', 'alive'] },
        ],
      },
    },
  },
];
const ALIVE: Document[] = [...SEEN, { $match: { state: 'alive' } }];

/** Those that send requests to an endpoint. */
export const workersOf = (
  processes: readonly SeenProcess[],
  endpoint: string,
): (SeenProcess & { use: EndpointUse })[] =>
  processes.flatMap((each) => {
    const use = each.endpoints?.[endpoint];
    return use === undefined ? [] : [{ ...each, use }];
  });

/** Those that run a worker. */
export const runnersOf = (processes: readonly SeenProcess[], worker: string): SeenProcess[] =>
  processes.filter(({ role, sources }) => role === 'tasks' && sources.some(isNamed(worker)));

export const isNamed =
  (wanted: string) =>
  ({ name }: { name: string }): boolean =>
    name === wanted;

const processesIn = (db: OwnDatabase): Collection<ProcessDocument> => db.collection(OWN.processes);

/** The longest list: a process that is started again and again leaves a document each time. */
const LISTED = 100;

/** The latest beat first. @throws what MongoDB throws */
export const listProcesses = (db: OwnDatabase): Promise<SeenProcess[]> =>
  processesIn(db)
    .aggregate<SeenProcess>([...SEEN, { $sort: { beatAt: -1 } }, { $limit: LISTED }])
    .toArray();

/** @throws what MongoDB throws */
export const aliveProcesses = (db: OwnDatabase): Promise<SeenProcess[]> =>
  processesIn(db).aggregate<SeenProcess>(ALIVE).toArray();

/** A process that was silent for so long is forgotten. */
export const indexProcesses = (db: OwnDatabase, hours: number): Promise<void> =>
  expireAfter(processesIn(db), EXPIRY[OWN.processes], hours * 3_600_000);

export type OwnProcess = ReturnType<typeof joinProcesses>;

export interface ProcessNeeds {
  db: () => Promise<OwnDatabase>;
  role: ProcessDocument['role'];
  guard: Pick<Guard, 'suffers' | 'vitals'>;
  sources?: () => Promise<SourceUse[]>;
  /** Whose share of an endpoint others have to know of beats as by default. */
  everyMs?: number;
  /** Whether a process of this machine has ended: then nobody waits until it was silent for long. */
  isGone?: (pid: number) => boolean;
}

const STOP_MS = 2_000;

export function joinProcesses(needs: ProcessNeeds) {
  const { db, role, guard, sources, everyMs = PROCESS_BEAT_MS, isGone = hasEnded } = needs;
  const _id: ProcessDocument['_id'] = `process/${randomUUID()}`;
  const host = hostname();
  const machine = pidSpace();
  let beats = 0;
  let beatAt = -Infinity;

  return {
    _id,
    /** When the last beat was sent that MongoDB has, by performance.now(). The others count from when it was written: later. */
    beatAt: () => beatAt,
    /**
     * Says that it is alive and how it is. Returns the others that are alive, as they were after that.
     * @throws what MongoDB throws; Error where the answer is so old that the others may have thought otherwise since
     */
    async beat(use?: EndpointUse & { endpoint: string }): Promise<SeenProcess[]> {
      const beat = (beats += 1);
      const own = { role, host, machine, pid: process.pid, version: VERSION, everyMs };
      const told = {
        ...own,
        vitals: guard.vitals(),
        suffers: guard.suffers(),
        sources: (await sources?.()) ?? [],
      };
      const processes = processesIn(await db());
      const set = {
        beatAt: '$$NOW',
        since: { $ifNull: ['$since', '$$NOW'] },
        stoppedAt: { $ifNull: ['$stoppedAt', null] },
        ...literally(told),
        ...(use === undefined ? {} : latestUse(use, beat)),
      };
      const since = performance.now();
      await processes.updateOne({ _id }, [{ $set: set }], { upsert: true, ...LIGHT });
      beatAt = Math.max(beatAt, since);
      // By default it would be as a majority had it, and might lack what the others have just said.
      const others = await processes
        .aggregate<SeenProcess>([{ $match: { _id: { $ne: _id } } }, ...ALIVE], {
          readConcern: { level: 'local' },
        })
        .toArray();
      if (performance.now() - since > GIVEN_UP_MS)
        throw new Error('MongoDB has answered a beat too late');
      return others.filter(
        (other) => machine === null || other.machine !== machine || !isGone(other.pid),
      );
    },
    /** Says that it leaves by its own will: nobody has to wait for it. Never throws. */
    async stop(): Promise<void> {
      const told = db().then((open) =>
        processesIn(open).updateOne({ _id }, [{ $set: { beatAt: '$$NOW', stoppedAt: '$$NOW' } }]),
      );
      await within(STOP_MS, 'the word that this process has stopped', told).catch(() => {});
    },
  };
}

const literally = (values: object): Document =>
  Object.fromEntries(
    Object.entries(values).map(([name, value]: [string, unknown]) => [name, { $literal: value }]),
  );

/** Keeps a later beat that is there: of two that were sent, the first may come last, and would give away what is used. */
function latestUse({ endpoint, ...use }: EndpointUse & { endpoint: string }, beat: number) {
  const path = `endpoints.${endpoint}`;
  const mine = { $literal: { ...use, beat } };
  return { [path]: { $cond: [{ $gt: [`$${path}.beat`, beat] }, `$${path}`, mine] } };
}

/** Beats again and again; at once when the guard says something new, and soon when `says` is another text. */
export function keepBeating(
  beat: () => Promise<void>,
  guard: Pick<Guard, 'onChange'>,
  log: Log,
  { everyMs = PROCESS_BEAT_MS, says = () => '' }: { everyMs?: number; says?: () => string } = {},
): Every {
  let said = '';
  let dueAt = -Infinity;
  const beatIfDue = async (): Promise<void> => {
    const [text, now] = [says(), performance.now()];
    if (text === said && now < dueAt) return;
    await beat();
    said = text;
    // The timer comes a little earlier or later.
    dueAt = now + everyMs - PROCESS_BEAT_MS / 2;
  };
  const beating = every(PROCESS_BEAT_MS, beatIfDue, log, {
    runbook: 'mongodb-away',
    failed: 'MongoDB cannot be told that this process is alive: its work goes on',
    again: 'MongoDB is told again that this process is alive',
  });
  guard.onChange(() => {
    dueAt = -Infinity;
    void beating.run();
  });
  return beating;
}

/** Where pids mean the same processes: containers have their own, under whichever host name. Null where nobody can say. */
function pidSpace(): string | null {
  try {
    const boot = readFileSync('/proc/sys/kernel/random/boot_id', 'utf8').trim();
    return `${boot} ${readlinkSync('/proc/self/ns/pid')}`;
  } catch {
    return null;
  }
}

function hasEnded(pid: number): boolean {
  try {
    process.kill(pid, 0);
    return false;
  } catch (error) {
    return error instanceof Error && 'code' in error && error.code === 'ESRCH';
  }
}
