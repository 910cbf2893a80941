/** A server below HTTP: what it does with a connection is the test's. */
import { once } from 'node:events';
import { createServer, type Socket } from 'node:net';
import { createServer as createTlsServer, type TLSSocket, type TlsOptions } from 'node:tls';
import { atEnd, type Ending } from './servers.ts';

export interface RawServer {
  url: string;
  /** What has arrived so far, of all connections. */
  heard: () => string;
  /** All connections that were opened have ended. */
  idle: () => Promise<void>;
}

/** Serves on a free port until the test ends, with TLS where options of it are given. */
export async function rawServer(
  t: Ending,
  onConnection: (socket: Socket) => void,
  tls?: TlsOptions,
): Promise<RawServer> {
  const open = new Set<Socket>();
  const chunks: Buffer[] = [];
  const serve = (socket: Socket): void => {
    socket.on('data', (chunk: Buffer) => chunks.push(chunk));
    onConnection(socket);
  };
  const server = tls === undefined ? createServer(serve) : createTlsServer(tls, serve);
  server.on('connection', (socket: Socket) => {
    open.add(socket);
    socket.on('error', () => {});
    socket.on('close', () => open.delete(socket));
  });
  server.on('secureConnection', (socket: TLSSocket) => socket.on('error', () => {}));
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  atEnd(t, () => {
    for (const socket of open) socket.destroy();
    server.close();
  });
  const bound = server.address();
  const port = typeof bound === 'object' ? bound?.port : '';
  return {
    url: `${tls === undefined ? 'http' : 'https'}://127.0.0.1:${port}`,
    heard: () => Buffer.concat(chunks).toString('latin1'),
    idle: async () => {
      while (open.size > 0) await Promise.all([...open].map((socket) => once(socket, 'close')));
    },
  };
}
