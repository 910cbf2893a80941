/**
 * For each slot of a handful. One that does not come together in this time is not waited for: one of those that are out may be slow.
 * So a quarter of a second for 64, which save much, and next to nothing for two: else the last free slot would serve four a second.
 */
const TOGETHER_MS = 4;

/** So long one waits behind those of another line, ms. */
const LONG_MS = 20_000;

interface Waiter {
  turn: number;
  line: string;
  wanted: number;
  grant: (count: number) => void;
}

export type Slots = ReturnType<typeof createSlots>;

/**
 * How many requests this worker may have on the wire at once, which bounds what a crash can leave in doubt. Up to a quarter of
 * all slots is granted at once, so that a batch needs few journal writes; and first come, first served to the end, so that the
 * registrations of a batch stay together. Whoever has waited for long behind another line is served in turn with it: a backlog of
 * POSTs holds up no GET.
 */
export function createSlots(initial: number) {
  let total = initial;
  let handful = Math.ceil(total / 4);
  const waiting: Waiter[] = [];
  let free = initial;
  let turns = 0;
  let lastLine = '';
  /** The time at which it was given, ms; each another one. */
  const turn = () => (turns = Math.max(turns + 0.001, performance.now()));
  let patience: NodeJS.Timeout | undefined;

  function next(): Waiter | undefined {
    const long = performance.now() - LONG_MS;
    return waiting.find((each) => each.line !== lastLine && each.turn < long) ?? waiting[0];
  }

  function handOut(): void {
    for (let first = next(); first !== undefined; first = next()) {
      const count = Math.min(first.wanted, handful);
      if (free < count) return beSatisfiedSoon();
      grant(first, count);
    }
  }

  function grant(first: Waiter, count: number): void {
    clearTimeout(patience);
    patience = undefined;
    free -= count;
    waiting.splice(waiting.indexOf(first), 1);
    lastLine = first.line;
    first.grant(count);
  }

  /** With what is free, if that has not become a handful by then. */
  function beSatisfiedSoon(): void {
    if (free <= 0) return;
    patience ??= setTimeout(() => {
      patience = undefined;
      const first = next();
      if (first !== undefined && free > 0) grant(first, Math.min(first.wanted, free));
      handOut();
    }, TOGETHER_MS * handful);
  }

  return {
    /** A place in the line, to keep when asking several times. */
    turn,
    /** Waits for a handful, a quarter of all, or less if less is wanted. Returns how many it took: 1..wanted, or 0 once it has left. */
    take: (wanted: number, mine = turn(), line = '') =>
      new Promise<number>((grant) => {
        const behind = waiting.findIndex((other) => other.turn > mine);
        waiting.splice(behind < 0 ? waiting.length : behind, 0, {
          turn: mine,
          line,
          wanted,
          grant,
        });
        handOut();
      }),
    /** Who waits with that place in the line gets none. */
    leave(mine: number): void {
      const at = waiting.findIndex((other) => other.turn === mine);
      if (at < 0) return;
      waiting.splice(at, 1)[0]?.grant(0);
      handOut();
    },
    release(count: number): void {
      free += count;
      handOut();
    },
    /** More or fewer from now on. What is out beyond it comes back by itself. */
    resize(next: number): void {
      if (next === total) return;
      free += next - total;
      total = next;
      handful = Math.ceil(total / 4);
      handOut();
    },
    handful: () => handful,
    onTheWire: () => total - free,
    /** Whether one would be granted at once. */
    isFree: () => free > 0 && waiting.length === 0,
  };
}
