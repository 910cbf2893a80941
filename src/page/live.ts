/** Server-sent events: whatever a view has become, whole, for as long as somebody looks and may. */
import type { ServerResponse } from 'node:http';
import { RESPONSE_ALREADY_SENT } from '@hono/node-server/utils/response';
import type { Collector } from './collector.ts';
import { Problem } from './problem.ts';

const MOST_STREAMS = 50;
/** Of one proxy's user, or of all who have one token. */
const MOST_OF_ONE = 20;
/** Not yet taken by a browser that is slow: then it is cut, and begins anew. */
const MOST_BYTES = 1024 * 1024;
const ALIVE_MS = 15_000;
/** Then the browser asks anew, and so does a proxy whether he still may. */
const LONGEST_MS = 60 * 60_000;

/** Of one who looks: whether his session holds, and by whose bounds he goes. */
interface Looking {
  isStillIn: () => boolean;
  holder: string;
}

export function createLive(collector: Collector) {
  const open = new Map<string, number>();
  const of = (holder: string): number => open.get(holder) ?? 0;
  const all = (): number => [...open.values()].reduce((sum, count) => sum + count, 0);

  /** @throws Problem where there are too many */
  return async (response: ServerResponse, { isStillIn, holder }: Looking): Promise<Response> => {
    if (response.closed) return RESPONSE_ALREADY_SENT;
    if (of(holder) >= MOST_OF_ONE || all() >= MOST_STREAMS)
      throw new Problem(
        429,
        `${of(holder)} pages are open by your name or your token, ${all()} in all: close one`,
      );
    open.set(holder, of(holder) + 1);
    response.once('close', () => {
      if (of(holder) > 1) open.set(holder, of(holder) - 1);
      else open.delete(holder);
    });
    return follow(response, collector, isStillIn);
  };
}

async function follow(
  response: ServerResponse,
  collector: Collector,
  isStillIn: () => boolean,
): Promise<Response> {
  response.writeHead(200, {
    'content-type': 'text/event-stream',
    'x-accel-buffering': 'no',
  });
  response.write('retry: 3000\n\n');
  let number = 0;
  const until = performance.now() + LONGEST_MS;
  const send = (text: string): void => {
    const isOver = performance.now() > until || !isStillIn();
    if (isOver || response.writableLength > MOST_BYTES) response.destroy();
    else response.write(text);
  };
  const alive = setInterval(() => send(':\n\n'), ALIVE_MS);
  let leave = (): void => {};
  response.once('close', () => {
    clearInterval(alive);
    leave();
  });
  leave = await collector.listen((view, json) => {
    number += 1;
    send(`event: ${view}\nid: ${number}\ndata: ${json}\n\n`);
  });
  if (response.closed) leave();
  return RESPONSE_ALREADY_SENT;
}
