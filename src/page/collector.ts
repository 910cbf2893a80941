/** One for all who look: reads what is due, makes the views of it, and tells those that have changed. */
import { jsonText } from '../runtime/foreign-text.ts';
import { every } from '../runtime/every.ts';
import type { Log } from '../runtime/log.ts';
import { WATCHED_MS, type Cell } from './cell.ts';
import { VIEWS, type ViewName } from './routes.ts';

/** How often something is read while nobody looks. */
const UNWATCHED_MS = 30_000;
/** Who has just asked looks. */
const LOOKS_MS = 10_000;
const TICK_MS = 1_000;
/** Whoever looks hears something at least so often, and knows that we are there. */
const QUIET_MS = 5_000;

export type Listener = (view: ViewName, json: string) => void;

export type Collector = ReturnType<typeof createCollector>;

interface Needs {
  cells: readonly Pick<Cell<unknown>, 'refresh'>[];
  /** As it is sent; told how often its cells are read. */
  view: (name: ViewName, everyMs: number) => unknown;
  /** After each tick. */
  ticked: () => Promise<void>;
  log: Log;
}

export function createCollector({ cells, view, ticked, log }: Needs) {
  const listeners = new Set<Listener>();
  const told = new Map<ViewName, string>();
  let askedAt = -Infinity;
  let isRead = false;
  let madeAt = -Infinity;

  const everyMs = (): number =>
    listeners.size > 0 || performance.now() - askedAt < LOOKS_MS ? WATCHED_MS : UNWATCHED_MS;

  const refresh = async (): Promise<boolean> =>
    (await Promise.all(cells.map((each) => each.refresh(everyMs())))).includes(true);

  const looking = every(TICK_MS, tick, log, {
    runbook: 'mongodb-away',
    failed: 'The page could not be brought up to date',
    again: 'The page is up to date again',
  });

  async function tick(): Promise<void> {
    const isNew = (await briefly(refresh())) !== false;
    isRead = true;
    // To make views costs more than anything else here: they are made of what was read.
    const isDue = isNew || performance.now() - madeAt >= QUIET_MS;
    if (isDue) madeAt = performance.now();
    for (const name of listeners.size === 0 || !isDue ? [] : VIEWS) {
      const value = view(name, everyMs());
      const facts = withoutTimes(value);
      if (told.get(name) === facts) continue;
      told.set(name, facts);
      const json = jsonText(JSON.stringify(value));
      for (const listener of listeners) listener(name, json);
    }
    await briefly(ticked());
  }

  return {
    /** As it is now, for one who asks once. */
    async read(name: ViewName): Promise<unknown> {
      const isFirst = everyMs() === UNWATCHED_MS;
      askedAt = performance.now();
      if (isFirst) await looking.run();
      return view(name, everyMs());
    },
    /** Tells all views at once, and from then on those that have changed. */
    async listen(listener: Listener): Promise<() => void> {
      const before = everyMs();
      askedAt = performance.now();
      const looked = looking.run();
      // What was read while nobody looked stands there at once, and is no older than it had to be; the rest follows.
      if (!isRead) await looked;
      for (const name of VIEWS) {
        const value = view(name, before);
        // Whoever else looks is told with the next tick.
        if (listeners.size === 0) told.set(name, withoutTimes(value));
        listener(name, jsonText(JSON.stringify(value)));
      }
      listeners.add(listener);
      return () => void listeners.delete(listener);
    },
    listeners: (): number => listeners.size,
    /** Something was done: nobody waits for the next tick. */
    hurry: (): void => void looking.run(),
    close: looking.close,
  };
}

/** Whatever lasts keeps nobody from seeing the rest. */
const briefly = <T>(work: Promise<T>): Promise<T | null> =>
  Promise.race([
    work,
    new Promise<null>((resolve) => setTimeout(() => resolve(null), TICK_MS).unref()),
  ]);

/** When a tile was read says nothing new by itself. */
const withoutTimes = (value: unknown): string =>
  JSON.stringify(value, (_, each: unknown) => (isTile(each) ? { ...each, at: null } : each));

const isTile = (value: unknown): value is object =>
  typeof value === 'object' && value !== null && 'state' in value && 'value' in value;
