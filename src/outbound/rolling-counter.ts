/** Counts good and bad answers of the last `windowMs`, in ten buckets: the oldest is dropped at a time. */
const BUCKETS = 10;

export type RollingCounter = ReturnType<typeof createRollingCounter>;

/** @param now ms by a clock that nobody sets */
export function createRollingCounter(windowMs: number, now = () => performance.now()) {
  let buckets: { n: number; all: number; bad: number }[] = [];
  return {
    /** Counts one answer. Returns the counts within the window, this one included. */
    add(isBad: boolean): { all: number; bad: number } {
      const n = Math.floor((now() * BUCKETS) / windowMs);
      buckets = buckets.filter((bucket) => bucket.n > n - BUCKETS);
      let last = buckets.at(-1);
      if (last?.n !== n) buckets.push((last = { n, all: 0, bad: 0 }));
      last.all += 1;
      last.bad += isBad ? 1 : 0;
      const sum = (of: 'all' | 'bad') => buckets.reduce((total, bucket) => total + bucket[of], 0);
      return { all: sum('all'), bad: sum('bad') };
    },
  };
}
