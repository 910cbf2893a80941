/** A folder as a source of tasks: looks at it again and again, and delivers what is ready when its turn comes. */
import { lstat, readdir, rename, stat, writeFile } from 'node:fs/promises';
import type { Delivery, OpenSource, Source } from '../broker/source.ts';
import { ROOM } from '../domain/folders.ts';
import { errorFacts, type Log } from '../runtime/log.ts';
import type { Collector, ReadyFile } from './collector.ts';
import { encodeFile, fileIdOf, identityOf, isSame, type Identity } from './identity.ts';
import { pathIn, readParked, shownName } from './names.ts';
import type { Place } from './place.ts';
import { isMarker, markerOf, watchFiles, type Ready } from './readiness.ts';
import type { Parked } from './recovery.ts';
import { scan, type Passed } from './scan.ts';
import { STATUS_FILE, statusOf, type FolderStatus } from './status.ts';
import { idBefore, taskIdOf } from './task-id.ts';

export interface SourceSetting {
  name: string;
  path: string;
  ready: Ready;
  every: number;
  weight: number;
  empty: 'send' | 'refuse' | 'ignore';
}

interface Needs {
  folder: SourceSetting;
  place: Place;
  collector: Collector;
  host: string;
  log: Log;
  /** The folder is another one than at the last look, or this is the first. Returns files of `sending` that are to be delivered. */
  recover: () => Promise<Parked[]>;
  /** A file has come whose name says that it was here before. */
  movedBack: (name: string) => Promise<void>;
}

interface Known {
  identity: Identity;
  file: ReadyFile;
  look: number;
}

/** Files of a folder that are not ready, and are remembered: a folder with more is emptied piece by piece. */
const MOST_WATCHED = 200_000;

export const openFolder =
  (needs: Needs): OpenSource =>
  (onDelivery) =>
    Promise.resolve(follow(needs, onDelivery));

function follow(
  { folder, place, collector, host, log, recover, movedBack }: Needs,
  onDelivery: (delivery: Delivery) => void,
): Source {
  const { name: folderName, path, ready, empty } = folder;
  const watched = watchFiles(ready, MOST_WATCHED);
  const queue = new Map<string, Known>();
  let rest = queue.values();
  let next: Known | null = null;
  /** Handed over, and perhaps still there; by name. */
  const handed = new Map<string, Omit<Known, 'file'>>();
  /** Names of files that are being sent, or tried again later: another of that name waits until the first has gone its way. */
  let parked = new Set<string>();
  /** In `sending`, and to be delivered. */
  let left: Parked[] = [];
  let isOpen = false;
  let isClosed = false;
  let hasCome = false;
  let isRecovered = false;
  let isWell = true;
  let isTold = true;
  let look = 0;
  let timer: NodeJS.Timeout | undefined;
  let looking: Promise<void> = Promise.resolve();

  /** The iterator goes on: one that begins anew passes all that has left the Map, each time. */
  function head(): Known | null {
    if (next !== null && queue.get(next.identity.name) === next) return next;
    let step = rest.next();
    if (step.done === true) step = (rest = queue.values()).next();
    next = step.done === true ? null : step.value;
    return next;
  }

  function handOver(): void {
    const one = head();
    if (one === null) return;
    const { identity, file } = one;
    queue.delete(identity.name);
    handed.set(identity.name, { identity, look });
    onDelivery(deliveryOf(identity, file.id));
  }

  const deliveryOf = (identity: Identity, id: string): Delivery => ({
    body: encodeFile(folderName, identity),
    properties: '',
    trouble: null,
    failedGeneration: null,
    receivedAt: Date.now(),
    origin: { broker: 'folder', folder: folderName, host },
    key: null,
    messageId: taskIdOf(identity.name, id),
    headers: () => ({}),
    ack: () => {},
    release: () => {},
    isGone: () => isClosed,
  });

  /** Whether there is more to know of it than its name. */
  function isWanted(name: string): boolean {
    if (ready.kind === 'marker' && isMarker(ready.name, name)) return false;
    const known = queue.get(name);
    if (known === undefined) return handed.has(name) || watched.isWatched(name);
    known.look = look;
    return false;
  }

  async function see(identity: Identity): Promise<void> {
    const { name } = identity;
    const before = handed.get(name);
    if (before !== undefined) {
      before.look = look;
      if (isSame(before.identity, identity)) return;
      handed.delete(name);
    }
    if (parked.has(name)) return;
    const marker = ready.kind === 'marker' ? markerOf(ready.name, name) : null;
    const hasMarker = marker !== null && (await exists(pathIn(path, marker)));
    const sight = watched.see(identity, performance.now(), hasMarker);
    if (sight === null) return;
    if (idBefore(name) !== null) await movedBack(name);
    watched.forget(name);
    const id = fileIdOf(folderName, path, identity);
    const file = { id, bytes: identity.size, since: sight.since };
    queue.set(name, { identity, file, look });
  }

  async function come(): Promise<void> {
    isRecovered = false;
    // Only a start makes folders of ours: where a share is not mounted none belong.
    if (hasCome) await stat(place.sending);
    await place.prepare();
    hasCome = true;
    left = await recover();
    isRecovered = true;
  }

  async function deliverLeft(): Promise<void> {
    for (const { id, name } of left.splice(0)) {
      const stats = await lstat(place.parked(id, name), { bigint: true }).catch(() => null);
      if (stats === null) continue;
      if (isOpen) onDelivery(deliveryOf(identityOf(name, stats), id));
      else left.push({ id, name });
    }
  }

  async function lookOnce(): Promise<void> {
    const startedAt = performance.now();
    if (!isRecovered || !(await place.isThere())) await come();
    await deliverLeft();
    look += 1;
    watched.begin();
    const sending = await readdir(place.sending, 'latin1');
    parked = new Set(sending.flatMap((entry) => readParked(entry)?.name ?? []));
    const passed = new Map<Passed | 'empty', { count: number; some: string[] }>();
    const pass = (why: Passed | 'empty', name: string): void => {
      const all = passed.get(why) ?? { count: 0, some: [] };
      all.count += 1;
      if (all.some.length < 5) all.some.push(shownName(name));
      passed.set(why, all);
    };
    for await (const seen of scan(path, isWanted)) {
      if (isClosed) return;
      if (seen.kind === 'passed') pass(seen.why, seen.name);
      else if (seen.identity.size === 0 && empty === 'ignore') pass('empty', seen.identity.name);
      else await see(seen.identity);
    }
    watched.end();
    for (const all of [queue, handed])
      for (const [name, one] of all) if (one.look !== look) all.delete(name);
    collector.wake();
    await tell(passed, startedAt).then(() => (isTold = true), untold);
  }

  /** The disk is full, say: files are taken all the same. */
  function untold(error: unknown): void {
    if (isTold)
      log.warn(
        { runbook: 'files-stay', folder: folderName, ...errorFacts(error) },
        'The status of the folder cannot be written: "collect status" shows an old one',
      );
    isTold = false;
  }

  async function tell(
    passed: ReadonlyMap<string, { count: number; some: string[] }>,
    startedAt: number,
  ): Promise<void> {
    const status: FolderStatus = statusOf({
      host,
      tookMs: Math.round(performance.now() - startedAt),
      waiting: watched.waiting(),
      ready: [...queue.values()].map(({ file }) => file),
      underWay: collector.underWay(folderName),
      passed: Object.fromEntries(passed),
    });
    const file = `${path}/${ROOM}/${STATUS_FILE}`;
    await writeFile(`${file}.new`, JSON.stringify(status));
    await rename(`${file}.new`, file);
  }

  /** The next look comes after a rest, and after four times as long as this one took. */
  function lookAgain(): void {
    const startedAt = performance.now();
    looking = lookOnce()
      .then(
        () => {
          if (!isWell) log.info({ folder: folderName }, 'The folder can be looked at again');
          isWell = true;
        },
        (error: unknown) => {
          const facts = { folder: folderName, path, ...errorFacts(error) };
          if (isWell)
            log.warn(
              { runbook: 'files-stay', ...facts },
              'The folder cannot be looked at: nothing is collected',
            );
          isWell = false;
        },
      )
      .then(() => {
        if (isClosed) return;
        const took = performance.now() - startedAt;
        timer = setTimeout(lookAgain, Math.max(folder.every, 4 * took));
      });
  }

  collector.join(folderName, {
    weight: folder.weight,
    first: () => (isOpen ? (head()?.file ?? null) : null),
    handOver,
  });
  lookAgain();
  return {
    pause: () => Promise.resolve(void (isOpen = false)),
    resume() {
      isOpen = true;
      collector.wake();
      return Promise.resolve();
    },
    isReady: () => isRecovered && isWell,
    async close() {
      isClosed = true;
      isOpen = false;
      collector.leave(folderName);
      clearTimeout(timer);
      await looking;
    },
  };
}

const exists = (file: Buffer): Promise<boolean> =>
  lstat(file).then(
    () => true,
    () => false,
  );
