/**
 * The handler process: user code, and nothing of ours that reaches a server. Whatever user code does with its output, its errors
 * or its environment stays here; the channel is hidden from it.
 */
import { Worker } from 'node:worker_threads';
import { IN_HANDLERS, openModule } from './handler-module.ts';
import { createLoop } from './loop.ts';
import type { Order, Told } from './protocol.ts';

const channel = process.send?.bind(process);
// Libraries tell a process manager that they are ready whenever there is a `send`.
Reflect.deleteProperty(process, 'send');

Reflect.set(globalThis, IN_HANDLERS, true);

function send(told: Told[]): void {
  try {
    channel?.(told, undefined, undefined, () => {});
  } catch {
    for (const each of told) sendAlone(each);
  }
}

function sendAlone(told: Told): void {
  try {
    channel?.([told], undefined, undefined, () => {});
  } catch (error) {
    const instead = withoutForeign(told, String(error));
    if (instead !== null) channel?.([instead], undefined, undefined, () => {});
  }
}

/** A result, or the facts of a line, that JSON cannot hold. */
function withoutForeign(told: Told, why: string): Told | null {
  if (told[0] === 'log') return ['log', told[1], told[2], { facts: why }, told[4]];
  if (told[0] !== 'ended') return null;
  const reason = `The result is not JSON: ${why}`;
  const end = { kind: 'failed', failure: 'permanent', reason, class: 'not-json' } as const;
  return ['ended', told[1], told[2].map(() => end)];
}

// A loop that is blocked hears nothing: the watchdog ends it when the parent is gone.
new Worker(new URL('./watchdog.js', import.meta.url), {
  workerData: Number(process.argv[2]),
  execArgv: [],
  // What is preloaded for handlers may need more than it has.
  env: { NODE_OPTIONS: '' },
  resourceLimits: { maxOldGenerationSizeMb: 8, maxYoungGenerationSizeMb: 2 },
}).unref();
process.on('disconnect', () => process.exit(0));
// Some supervisors signal every process of a service. The parent ends this one when its calls are over.
process.on('SIGTERM', () => {});
process.on('SIGINT', () => {});
process.on('uncaughtExceptionMonitor', (error: unknown, origin) => {
  send([['fault', `${String(error)} (${origin})`]]);
});

const isOrders = (message: unknown): message is Order[] => Array.isArray(message);
let loop: ReturnType<typeof createLoop> | null = null;

process.on('message', (message: unknown) => {
  if (!isOrders(message)) return;
  for (const order of message)
    if (order[0] === 'open')
      open(order).catch((error: unknown) => {
        send([['fault', String(error)]]);
        setImmediate(() => process.exit(1));
      });
  loop?.take(message);
});

/** An import that fails ends the process, as any error does that nobody catches. */
async function open([, module]: Extract<Order, ['open', ...unknown[]]>): Promise<void> {
  loop = createLoop(await openModule(module), send);
  process.on('exit', loop.flush);
  send([['up']]);
}
