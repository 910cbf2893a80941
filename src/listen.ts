/** Listening, for whatever serves something. */
import type { Server as HttpServer } from 'node:http';
import type { Server } from 'node:net';

/**
 * Resolves to the port in use; port 0 takes a free one.
 * @throws Error with what `told` makes of the reason why it cannot
 */
export async function listen(
  server: Server,
  host: string,
  port: number,
  told: (cause: NodeJS.ErrnoException) => string,
): Promise<number> {
  await new Promise<void>((resolve, reject) => {
    server.once('error', (cause: NodeJS.ErrnoException) => {
      reject(new Error(told(cause), { cause }));
    });
    server.listen(port, host, () => resolve());
  });
  const address = server.address();
  return address !== null && typeof address === 'object' ? address.port : port;
}

/** Cuts what is connected, and resolves when nothing is. */
export function stopServing(server: HttpServer): Promise<void> {
  return new Promise((resolve) => {
    server.closeAllConnections();
    server.close(() => resolve());
  });
}
