import type { Gate } from '../../src/outbound/gate.ts';
import type { Slots } from '../../src/runtime/slots.ts';

/** Without a limit across workers, and always open. */
export const alwaysOpen = (slots: Slots): Gate => ({
  turn: () => slots.turn(),
  take: async (_, wanted, turn) => ({ count: await slots.take(wanted, turn), wait: null }),
  another: () => Promise.resolve(null),
  release: (_, count) => slots.release(count),
});
