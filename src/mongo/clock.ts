/**
 * The time that is written down for other processes, and compared with what they have written: MongoDB's, which is read
 * with `despachante_control` every second, and carried on by the monotonic clock in between. Our own may differ from theirs, and may be
 * set while we run.
 */
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
