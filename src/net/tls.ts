/** Certificates from their files, and what a failed handshake means. */
import { readFileSync } from 'node:fs';
import { isIP } from 'node:net';
import { connect } from 'node:tls';
import { Away } from './away.ts';

/** Paths of PEM files, as in the sections `tls` of the configuration. */
export interface TlsFiles {
  readonly caFile: string | null;
  readonly certFile: string | null;
  readonly keyFile: string | null;
}

/** The authorities of the system, and no certificate of ours. */
export const NO_TLS_FILES: TlsFiles = { caFile: null, certFile: null, keyFile: null };

/** As Node's TLS takes it. */
export interface TlsMaterial {
  ca?: Buffer;
  cert?: Buffer;
  key?: Buffer;
}

/** What the files hold; empty where none is given. @throws Error that names the file */
export function readTls({ caFile, certFile, keyFile }: TlsFiles): TlsMaterial {
  return {
    ...(caFile === null ? {} : { ca: read(caFile, 'CERTIFICATE') }),
    ...(certFile === null ? {} : { cert: read(certFile, 'CERTIFICATE') }),
    ...(keyFile === null ? {} : { key: read(keyFile, 'PRIVATE KEY') }),
  };
}

function read(file: string, what: string): Buffer {
  try {
    const pem = readFileSync(file);
    if (!pem.includes(`${what}-----`)) throw new Error(`there is no ${what} in it (PEM)`);
    return pem;
  } catch (error) {
    const why = error instanceof Error ? error.message : String(error);
    throw new Error(`The TLS file ${file} cannot be used: ${why}`, { cause: error });
  }
}

/** Node's codes and the words of OpenSSL and rustls, with the remedy; `section` is that of the configuration. */
const MEANINGS: readonly [RegExp, (section: string) => string][] = [
  [
    /SELF_SIGNED_CERT|UNABLE_TO_GET_ISSUER|UNABLE_TO_VERIFY_LEAF|self-signed certificate|unable to (get|verify)|UnknownIssuer/i,
    (section) =>
      `its certificate is not from a CA that we trust: give that CA's certificate in ${section}.tls.caFile`,
  ],
  [
    /CERT_HAS_EXPIRED|certificate has expired|invalid peer certificate: Expired/i,
    () => 'its certificate has expired: have it renewed, and compare the clocks',
  ],
  [
    /ALTNAME_INVALID|does not match certificate|NotValidForName/i,
    () =>
      'its certificate is for another name: use the name in the address that the certificate has, or have it issued for this one',
  ],
  [
    /ALERT_CERTIFICATE_REQUIRED|alert certificate required|CertificateRequired|HANDSHAKE_FAILURE|handshake failure|ALERT_BAD_CERTIFICATE|ALERT_UNKNOWN_CA|alert unknown ca|UnknownCA/i,
    (section) =>
      `it wants a certificate of ours that it trusts: give one in ${section}.tls.certFile and ${section}.tls.keyFile`,
  ],
  [
    /WRONG_VERSION_NUMBER|wrong version number|packet length too long|InvalidContentType|corrupt message/i,
    () => 'it does not speak TLS on this port: use its TLS port, or an address without TLS',
  ],
  [
    /KEY_VALUES_MISMATCH|key values mismatch/i,
    (section) => `${section}.tls.keyFile is not the key of ${section}.tls.certFile`,
  ],
];

/** Null when the error, and whatever caused it, is not about TLS. */
export function tlsTrouble(error: unknown, section: string): string | null {
  const texts: string[] = [];
  for (let each = error, depth = 0; each instanceof Error && depth < 6; depth++) {
    texts.push('code' in each ? String(each.code) : '', each.message);
    each = each.cause;
  }
  if (typeof error === 'string') texts.push(error);
  const told = texts.join(' ');
  return MEANINGS.find(([pattern]) => pattern.test(told))?.[1](section) ?? null;
}

/** The sentence of an error with, where it is about TLS, what it means. */
export function withTlsTrouble(sentence: string, error: unknown, section: string): string {
  const trouble = tlsTrouble(error, section);
  return trouble === null ? sentence : `${sentence} (TLS: ${trouble})`;
}

/** Of a connection: away, unless a certificate or a setting of TLS is at fault, which nobody mends by trying again. */
export const unreachable = (sentence: string, error: unknown, section: string): Error =>
  tlsTrouble(error, section) === null
    ? new Away(sentence, { cause: error })
    : new Error(sentence, { cause: error });

const PROBE_MS = 3_000;

/** For a client that says only that it could not connect. Null when the handshake stands, or nobody answers. */
export function handshakeError(
  address: string,
  serverName: string | null,
  material: TlsMaterial,
): Promise<Error | null> {
  const colon = address.lastIndexOf(':');
  const host = address.slice(0, colon).replace(/^\[|\]$/g, '');
  const name = serverName ?? (isIP(host) === 0 ? host : null);
  return new Promise((resolve) => {
    const socket = connect({
      host,
      port: Number(address.slice(colon + 1)),
      ALPNProtocols: ['h2'],
      ...(name === null ? {} : { servername: name }),
      ...material,
    });
    const end = (error: Error | null) => {
      resolve(error);
      socket.destroy();
    };
    socket.setTimeout(PROBE_MS, () => end(null));
    socket.on('error', end);
    // With TLS 1.3 the server judges our certificate after the handshake.
    socket.once('session', () => end(null));
    socket.once('close', () => end(null));
  });
}
