// Listening, with an error that a person can act on.
import type { Server } from 'node:net';

/** Resolves to the port in use (port 0 takes a free one); throws an Error that names the address and the remedy. */
export async function listen(
  server: Server,
  host: string,
  port: number,
  who: string,
): Promise<number> {
  await new Promise<void>((resolve, reject) => {
    server.once('error', (cause: NodeJS.ErrnoException) => {
      const remedy =
        cause.code === 'EADDRINUSE'
          ? 'another program has this port: stop it, or choose another port (0 takes a free one)'
          : cause.message;
      const message = `${who} of the simulator cannot listen on ${host}:${port}: ${remedy}`;
      reject(new Error(message, { cause }));
    });
    server.listen(port, host, () => resolve());
  });
  const address = server.address();
  return address !== null && typeof address === 'object' ? address.port : port;
}
