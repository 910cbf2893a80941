/** MongoDB's time, by which all processes agree: read every second, and carried on by the monotonic clock in between. */
export interface Clock {
  /** Epoch ms. Our own time until the server's was told. */
  now(): number;
  /** Told what time it is just now by the server's clock, epoch ms. */
  set(time: number): void;
}

export function createClock(): Clock {
  let origin: number | null = null;
  return {
    now: () => (origin === null ? Date.now() : Math.round(origin + performance.now())),
    set(time) {
      origin = time - performance.now();
    },
  };
}
