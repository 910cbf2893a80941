/** Speaks TLS in front of a server that does not, as a load balancer does. */
import { once } from 'node:events';
import { connect } from 'node:net';
import { createServer } from 'node:tls';
import type { TlsOptions } from 'node:tls';
import { atEnd } from './servers.ts';
import type { Ending } from './servers.ts';

export interface TlsProxyOptions extends Pick<TlsOptions, 'cert' | 'key' | 'ca'> {
  /** Where everything goes. */
  target: { host: string; port: number };
  /** Demands a certificate from `ca`. */
  mutual?: boolean;
  /** What is spoken below TLS: gRPC insists on having it agreed upon. */
  protocols?: string[];
}

/** Returns its port on 127.0.0.1. */
export async function tlsProxy(
  t: Ending,
  { target, mutual = false, protocols, ...certificates }: TlsProxyOptions,
): Promise<number> {
  const sockets = new Set<{ destroy(): void }>();
  const server = createServer(
    {
      ...certificates,
      requestCert: mutual,
      rejectUnauthorized: mutual,
      ...(protocols === undefined ? {} : { ALPNProtocols: protocols }),
    },
    (near) => {
      const far = connect(target.port, target.host);
      for (const [one, other] of [
        [near, far],
        [far, near],
      ] as const) {
        sockets.add(one);
        one.on('error', () => {});
        one.on('close', () => {
          sockets.delete(one);
          other.destroy();
        });
        one.pipe(other);
      }
    },
  );
  server.on('tlsClientError', () => {});
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  atEnd(t, () => {
    for (const socket of sockets) socket.destroy();
    server.close();
  });
  const bound = server.address();
  return typeof bound === 'object' && bound !== null ? bound.port : 0;
}
