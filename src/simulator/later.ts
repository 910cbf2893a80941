// Answers that wait: the POST's answer takes some tens of milliseconds, as in the real system.
// All that is due within the same few milliseconds goes out in one turn, on one timer: waking a client up for each
// answer alone was the dearest part of a POST.

export interface Later {
  /** Resolves after so many milliseconds, rounded up to the next tick. */
  due(ms: number): Promise<void>;
  /** Resolves at once what waits, and from now on everything: nobody shall lose an answer because the simulator closes. */
  hurry(): void;
}

const tickMs = 5;

interface Tick {
  timer: NodeJS.Timeout;
  waiting: (() => void)[];
}

export function createLater(): Later {
  const ticks = new Map<number, Tick>();
  let hurried = false;

  const fire = (place: number): void => {
    const tick = ticks.get(place);
    ticks.delete(place);
    clearTimeout(tick?.timer);
    tick?.waiting.forEach((resolve) => resolve());
  };

  return {
    due(ms) {
      if (hurried || ms === 0) return Promise.resolve();
      const now = performance.now(); // never set back, unlike the time of day
      const place = Math.ceil((now + ms) / tickMs);
      return new Promise((resolve) => {
        const tick = ticks.get(place);
        if (tick !== undefined) {
          tick.waiting.push(resolve);
          return;
        }
        const timer = setTimeout(() => fire(place), place * tickMs - now);
        ticks.set(place, { timer, waiting: [resolve] });
      });
    },
    hurry() {
      hurried = true;
      for (const place of [...ticks.keys()]) fire(place);
    },
  };
}
