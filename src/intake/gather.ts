/**
 * Batches that adapt to the load, since a run costs much the same with one registration or a hundred. The first delivery of a
 * batch waits `waitMs` for company; a batch goes on filling while all starts are busy, or when there were many partial batches
 * just before. So an idle system gives each registration its own run, and a loaded one fills its runs.
 */
export interface GatherOptions<T> {
  /** Most deliveries in a batch. */
  size: number;
  /** Most bytes in a batch, as `bytesOf` counts them. */
  bytes: number;
  waitMs: number;
  /** Batches that are not full, a second, in the long run; the first `PARTIAL_BURST` of them go without waiting. */
  partialPerSecond: number;
  /** Batches handed over at the same time. */
  concurrency: number;
  bytesOf: (item: T) => number;
  /** ms by a clock that nobody sets: one that is put back would hold partial batches up for as long. */
  now?: () => number;
  /** Takes a batch over; must not throw. */
  handOver: (batch: T[]) => Promise<void>;
}

/** Partial batches that an idle system may start at once. */
const PARTIAL_BURST = 8;

export function createGatherer<T>(options: GatherOptions<T>) {
  let waiting: { item: T; bytes: number }[] = [];
  /** Of all that wait. */
  let waitingBytes = 0;
  let timer: NodeJS.Timeout | null = null;
  let isRipe = false;
  let isDraining = false;
  let allowance = PARTIAL_BURST;
  const now = options.now ?? (() => performance.now());
  let allowanceAt = now();
  const busy = new Set<Promise<void>>();

  const isFull = () => waiting.length >= options.size || waitingBytes >= options.bytes;

  function handOverWhatIsDue(): void {
    while (waiting.length > 0 && busy.size < options.concurrency && isDue()) {
      const batch = takeBatch();
      const done: Promise<void> = options.handOver(batch).finally(() => {
        busy.delete(done);
        handOverWhatIsDue();
      });
      busy.add(done);
    }
    if (waiting.length === 0) {
      isRipe = false;
      if (timer !== null) clearTimeout(timer);
      timer = null;
    } else if (timer === null && (!isRipe || allowance < 1)) {
      const restMs = isRipe ? ((1 - allowance) * 1_000) / options.partialPerSecond : options.waitMs;
      timer = setTimeout(() => {
        timer = null;
        isRipe = true;
        handOverWhatIsDue();
      }, Math.ceil(restMs));
    }
  }

  /** Whether the next batch may go now; a partial one uses up a part of the allowance. */
  function isDue(): boolean {
    if (isFull()) return true;
    if (!isRipe) return false;
    const at = now();
    const regained = ((at - allowanceAt) * options.partialPerSecond) / 1_000;
    allowance = Math.min(PARTIAL_BURST, allowance + regained);
    allowanceAt = at;
    if (allowance < 1 && !isDraining) return false;
    allowance -= 1;
    return true;
  }

  function takeBatch(): T[] {
    let bytes = 0;
    let count = 0;
    for (const each of waiting) {
      // One that is larger than the limit goes alone.
      if (count === options.size || (count > 0 && bytes + each.bytes > options.bytes)) break;
      bytes += each.bytes;
      count += 1;
    }
    const batch = waiting.slice(0, count);
    waiting = waiting.slice(count);
    waitingBytes -= bytes;
    return batch.map(({ item }) => item);
  }

  return {
    add(item: T): void {
      const bytes = options.bytesOf(item);
      waiting.push({ item, bytes });
      waitingBytes += bytes;
      handOverWhatIsDue();
    },
    /** Hands over what is there without waiting, and resolves when nothing is left. */
    async drain(): Promise<void> {
      isDraining = true;
      while (waiting.length > 0 || busy.size > 0) {
        isRipe = waiting.length > 0;
        handOverWhatIsDue();
        await Promise.race(busy);
      }
    },
  };
}
