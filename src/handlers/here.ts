/** Handlers in this process, for a debugger: nothing can be killed here, and an error that nobody catches ends everything. */
import { openModule, type HandlerModule } from './handler-module.ts';
import { createLoop } from './loop.ts';
import type { Place, PlaceEvents } from './protocol.ts';

/** Whoever is killed runs on, and is not listened to any more. */
export function openHere(module: HandlerModule, events: PlaceEvents): Place {
  let loop: ReturnType<typeof createLoop> | null = null;
  let isGone = false;
  const end = (reason: string): void => {
    if (isGone) return;
    isGone = true;
    setImmediate(() => events.died(reason));
  };
  openModule(module).then(
    (runner) => {
      loop = createLoop(runner, (told) => {
        if (!isGone) events.told(told);
      });
      if (!isGone) events.told([['up']]);
    },
    (error: unknown) => end(String(error)),
  );
  return {
    pid: process.pid,
    send: (orders) => loop?.take(orders),
    leave: () => end('left'),
    kill: () => end('abandoned'),
  };
}
