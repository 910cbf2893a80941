/** Listening, for whatever serves something. */
import { once } from 'node:events';
import {
  createServer,
  type IncomingMessage,
  type RequestListener,
  type Server as HttpServer,
} from 'node:http';
import type { Server, Socket } from 'node:net';

/** For a request to arrive. */
const SLOWEST_MS = 10_000;
/** For a connection to lie still while we answer. */
const STILL_MS = 30_000;
const LARGEST_HEADERS = 16 * 1024;

/** For a few short requests. The oldest connection makes room for the newest: silent ones do not use up our descriptors. */
export function briefHttpServer(handler: RequestListener, bound = 100): HttpServer {
  const server = createServer(
    {
      headersTimeout: SLOWEST_MS,
      requestTimeout: SLOWEST_MS,
      keepAliveTimeout: SLOWEST_MS,
      connectionsCheckingInterval: 1_000,
      maxHeaderSize: LARGEST_HEADERS,
    },
    handler,
  );
  server.timeout = STILL_MS;
  const open = new Set<Socket>();
  server.on('connection', (socket: Socket) => {
    const [oldest] = open;
    if (oldest !== undefined && open.size >= bound) {
      open.delete(oldest);
      oldest.destroy();
    }
    open.add(socket);
    socket.once('close', () => open.delete(socket));
  });
  return server;
}

/** Resolves to the port in use; port 0 takes a free one. @throws Error with what `told` makes of the cause */
export async function listen(
  server: Server,
  host: string,
  port: number,
  told: (cause: NodeJS.ErrnoException) => string,
): Promise<number> {
  server.listen(port, host);
  await once(server, 'listening').catch((cause: NodeJS.ErrnoException) => {
    throw new Error(told(cause), { cause });
  });
  const address = server.address();
  return address !== null && typeof address === 'object' ? address.port : port;
}

/** Cuts what is connected, and resolves when nothing is. */
export async function stopServing(server: HttpServer): Promise<void> {
  const closed = once(server.close(), 'close');
  server.closeAllConnections();
  await closed;
}

/** The path that is asked for. Scrapers add a query, proxies a slash or the whole address; none of it changes that. */
export function pathOf({ url: target = '/' }: IncomingMessage): string {
  const url = target.startsWith('/') ? `http://here${target}` : target;
  const path = URL.canParse(url) ? new URL(url).pathname : target;
  return path.replace(/\/+$/, '').replace(/^\/+/, '/');
}
