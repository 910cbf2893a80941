/** A private CA of the test's own, made by the `openssl` command, and certificates from it. */
import { execFileSync } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { atEnd } from './servers.ts';
import type { Ending } from './servers.ts';

export interface Certificate {
  certFile: string;
  keyFile: string;
  cert: Buffer;
  key: Buffer;
}

export interface Authority {
  caFile: string;
  ca: Buffer;
  /** For 127.0.0.1 and localhost, unless another name is given. */
  issue(name: string, subject?: string): Certificate;
}

const CURVE = ['-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:prime256v1', '-nodes'];
const LOCAL = 'IP:127.0.0.1,DNS:localhost';

export function certificateAuthority(t: Ending): Authority {
  const folder = mkdtempSync(join(tmpdir(), 'despachante-ca-'));
  atEnd(t, () => rmSync(folder, { recursive: true }));
  const path = (name: string) => join(folder, name);
  const openssl = (...args: string[]) => execFileSync('openssl', args, { stdio: 'pipe' });
  const [caFile, caKey] = [path('ca.pem'), path('ca.key')];
  openssl(
    ...['req', '-x509', ...CURVE, '-keyout', caKey, '-out', caFile, '-days', '2'],
    ...['-subj', '/CN=a CA of the tests', '-addext', 'basicConstraints=critical,CA:TRUE'],
  );
  return {
    caFile,
    ca: readFileSync(caFile),
    issue(name, subject = LOCAL) {
      const [certFile, keyFile] = [path(`${name}.pem`), path(`${name}.key`)];
      const [request, extensions] = [path(`${name}.csr`), path(`${name}.ext`)];
      writeFileSync(extensions, `subjectAltName=${subject}\nbasicConstraints=CA:FALSE\n`);
      openssl('req', ...CURVE, '-keyout', keyFile, '-out', request, '-subj', `/CN=${name}`);
      openssl(
        ...['x509', '-req', '-in', request, '-CA', caFile, '-CAkey', caKey, '-CAcreateserial'],
        ...['-days', '2', '-extfile', extensions, '-out', certFile],
      );
      return { certFile, keyFile, cert: readFileSync(certFile), key: readFileSync(keyFile) };
    },
  };
}
