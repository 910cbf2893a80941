/**
 * How many requests this worker may have on the wire at once: what a crash can leave in doubt is bounded by it.
 * Slots are handed out in order and in handfuls: granted one by one as they come free, a batch of a hundred would go to
 * the journal a hundred times.
 */
export interface Slots {
  /** Waits for a handful, then takes as many as are free, at most `wanted`. Returns how many: 1..wanted. */
  take(wanted: number): Promise<number>;
  release(count: number): void;
}

interface Waiter {
  wanted: number;
  grant: (count: number) => void;
}

export function createSlots(total: number): Slots {
  const handful = Math.ceil(total / 8);
  const waiting: Waiter[] = [];
  let free = total;

  function handOut(): void {
    for (let first = waiting[0]; first !== undefined; first = waiting[0]) {
      if (free < Math.min(first.wanted, handful)) return;
      const count = Math.min(first.wanted, free);
      free -= count;
      waiting.shift();
      first.grant(count);
    }
  }

  return {
    take: (wanted) =>
      new Promise((grant) => {
        waiting.push({ wanted, grant });
        handOut();
      }),
    release(count) {
      free += count;
      handOut();
    },
  };
}
