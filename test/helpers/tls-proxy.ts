/** Speaks TLS in front of a server that does not, as a load balancer does. */
import { once } from 'node:events';
import { connect } from 'node:net';
import { createServer } from 'node:tls';
import type { TlsOptions } from 'node:tls';
import { certificateAuthority } from './certificates.ts';
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

/** Mutual TLS in front of a server that speaks HTTP: its address, and the files of a client that it lets in. */
export async function behindMutualTls(t: Ending, { url }: { url: string }) {
  const authority = certificateAuthority(t);
  const { hostname: host, port } = new URL(url);
  const proxy = await tlsProxy(t, {
    target: { host, port: Number(port) },
    ...authority.issue('server'),
    ca: authority.ca,
    mutual: true,
  });
  const { certFile, keyFile } = authority.issue('client');
  const files = { caFile: authority.caFile, certFile, keyFile };
  return { url: `https://127.0.0.1:${proxy}`, files };
}
