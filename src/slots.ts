/** How many requests this worker may have on the wire at once: what a crash can leave in doubt is bounded by it. */
export interface Slots {
  /** Waits for a slot, then takes as many as are free, at most `wanted`. Returns how many: 1..wanted. */
  take(wanted: number): Promise<number>;
  release(count: number): void;
}

export function createSlots(total: number): Slots {
  let free = total;
  const waiting: (() => void)[] = [];
  return {
    async take(wanted) {
      // Whoever is woken finds a slot: it was handed over, not put back.
      if (free > 0) free -= 1;
      else await new Promise<void>((resolve) => waiting.push(resolve));
      const more = Math.min(wanted - 1, free);
      free -= more;
      return 1 + more;
    },
    release(count) {
      for (let n = 0; n < count; n++) {
        const next = waiting.shift();
        if (next === undefined) free += 1;
        else next();
      }
    },
  };
}
