/** Server-sent events: whatever a view has become, whole, for as long as somebody looks and may. */
import type { ServerResponse } from 'node:http';
import { RESPONSE_ALREADY_SENT } from '@hono/node-server/utils/response';
import type { Collector } from './collector.ts';
import { Problem } from './problem.ts';

const MOST_STREAMS = 50;
/** Not yet taken by a browser that is slow: then it is cut, and begins anew. */
const MOST_BYTES = 1024 * 1024;
const ALIVE_MS = 15_000;
/** Then the browser asks anew, and so does a proxy whether he still may. */
const LONGEST_MS = 60 * 60_000;

/** @param isStillIn whether the session holds. @throws Problem where there are too many */
export async function stream(
  response: ServerResponse,
  collector: Collector,
  isStillIn: () => boolean,
): Promise<Response> {
  if (collector.listeners() >= MOST_STREAMS)
    throw new Problem(429, `${MOST_STREAMS} pages are open: close one`);
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
