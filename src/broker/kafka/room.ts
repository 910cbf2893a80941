/** Whether more may be handed out: the source is open, and what is held is below its bounds. */
export type Room = ReturnType<typeof createRoom>;

/** Shut at first. A single message that is larger than `bytes` still comes through. */
export function createRoom(most: { messages: number; bytes: number }) {
  let isOpen = false;
  let messages = 0;
  let bytes = 0;
  let waiting: (() => void)[] = [];

  function wake(): void {
    const woken = waiting;
    waiting = [];
    for (const each of woken) each();
  }

  return {
    open(): void {
      isOpen = true;
      wake();
    },
    shut(): void {
      isOpen = false;
    },
    isFree: (): boolean => isOpen && messages < most.messages && bytes < most.bytes,
    isEmpty: (): boolean => messages === 0,
    /** Counts a message as held, until what is returned is called for the first time. */
    take(size: number): () => void {
      let isHeld = true;
      messages += 1;
      bytes += size;
      return () => {
        if (!isHeld) return;
        isHeld = false;
        messages -= 1;
        bytes -= size;
        wake();
      };
    },
    /** Resolves at the next change, or `wake`. */
    changed: (): Promise<void> => new Promise((resolve) => waiting.push(resolve)),
    wake,
  };
}
