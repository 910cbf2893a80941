/** Hands the ready files of all folders over, in turn, and no more at a time than can be under way: the rest waits where it lies. */
import { createSchedule, type Order } from './schedule.ts';

export interface ReadyFile {
  id: string;
  bytes: number;
  since: number;
}

interface Waiting {
  weight: number;
  /** Null: it takes none for now, or has none. */
  first: () => ReadyFile | null;
  handOver: () => void;
}

export type Collector = ReturnType<typeof createCollector>;

/** Files under way: enough for a few full batches. One folder alone may not have them all. */
const MOST = 1_000;
const MOST_OF_ONE = 750;
/** Room for so many is refilled at once: a run costs much the same whatever it carries. */
const REFILL = 250;
/** What has not been begun after this time waits for something else than us: it was a duplicate, or its endpoint is slow. */
const FORGOTTEN_MS = 30_000;

/** @param now ms of a clock that nobody sets */
export function createCollector(order: Order, now = () => performance.now()) {
  let schedule = createSchedule(order);
  const folders = new Map<string, Waiting>();
  const underWay = new Map<string, { folder: string; at: number }>();
  const counts = new Map<string, number>();

  function release(id: string): void {
    const one = underWay.get(id);
    if (one === undefined) return;
    underWay.delete(id);
    counts.set(one.folder, (counts.get(one.folder) ?? 1) - 1);
  }

  function handOver(): void {
    for (const [id, { at }] of underWay) {
      if (now() - at < FORGOTTEN_MS) break;
      release(id);
    }
    while (underWay.size < MOST) {
      const lanes = [...folders].flatMap(([name, { weight, first }]) => {
        const next = (counts.get(name) ?? 0) < MOST_OF_ONE ? first() : null;
        return next === null ? [] : [{ name, weight, next }];
      });
      const name = schedule.next(lanes);
      const lane = lanes.find((each) => each.name === name);
      if (name === null || lane === undefined) return;
      underWay.set(lane.next.id, { folder: name, at: now() });
      counts.set(name, (counts.get(name) ?? 0) + 1);
      folders.get(name)?.handOver();
    }
  }

  return {
    join(name: string, waiting: Waiting): void {
      folders.set(name, waiting);
    },
    leave(name: string): void {
      folders.delete(name);
      schedule.forget(name);
    },
    /** From now on files are taken in this order. */
    order(next: Order): void {
      schedule = createSchedule(next);
    },
    /** Something is ready, or may be handed over again. */
    wake: handOver,
    /** An attempt of it has ended, however. */
    ended: (id: string): void => {
      const folder = underWay.get(id)?.folder ?? '';
      release(id);
      const room = Math.min(MOST - underWay.size, MOST_OF_ONE - (counts.get(folder) ?? 0));
      if (room >= REFILL) handOver();
    },
    underWay: (name: string): number => counts.get(name) ?? 0,
  };
}
