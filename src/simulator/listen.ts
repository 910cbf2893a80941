// Listening, with an error that a person can act on.
import type { Server } from 'node:net';
import { listen as listenOn } from '../net/listen.ts';

/** Resolves to the port in use (port 0 takes a free one); throws an Error that names the address and the remedy. */
export const listen = (server: Server, host: string, port: number, who: string): Promise<number> =>
  listenOn(server, host, port, ({ code, message }) => {
    const remedy =
      code === 'EADDRINUSE'
        ? 'another program has this port: stop it, or choose another port (0 takes a free one)'
        : message;
    return `${who} of the simulator cannot listen on ${host}:${port}: ${remedy}`;
  });
