// The sections `tls`, one for each neighbour, and what of TLS contradicts an address.
import { z } from 'zod';
import type { Fault } from './faults.ts';
import { flag, name, text } from './values.ts';
import type { Environment } from './tree.ts';

const file = () => text('the path of a PEM file, or null', 1000).nullable().prefault(null);

const serverName = () => name('a host name, or null').nullable().prefault(null);
const files = { caFile: file(), certFile: file(), keyFile: file() };
const both = ({ certFile, keyFile }: { certFile: string | null; keyFile: string | null }) =>
  (certFile === null) === (keyFile === null);
const pair = (section: string) => ({
  error: 'certFile and keyFile, both or neither',
  params: { involves: [`${section}.tls.certFile`, `${section}.tls.keyFile`] },
});

/** The CA of a neighbour, and our own certificate for it. Whether it speaks TLS says its address. */
export const tls = (section: string) =>
  z.strictObject(files).refine(both, pair(section)).readonly().prefault({});

/** Temporal's address says nothing of TLS: it is on with `enabled`, with any of the files, and with an API key. */
export const temporalTls = () =>
  z
    .strictObject({ enabled: flag().prefault(false), ...files, serverName: serverName() })
    .refine(both, pair('temporal'))
    .readonly()
    .prefault({});

interface Addresses {
  readonly amqpUrl: string;
  readonly mongodbUri: string;
  readonly legacyUrl: string;
  readonly rabbit: { readonly tls: Files };
  readonly legacy: { readonly tls: Files };
}

interface Files {
  readonly caFile: string | null;
  readonly certFile: string | null;
}

/** Certificates for a connection that has no TLS: somebody believes that it has. */
export function unusedCertificates(config: Addresses, place: (path: string) => string): Fault[] {
  const unused = (section: 'rabbit' | 'legacy', address: string, plain: string, secure: string) => {
    const { caFile, certFile } = config[section].tls;
    if ((caFile ?? certFile) === null || !address.startsWith(plain)) return [];
    const path = `${section}.tls.${caFile === null ? 'certFile' : 'caFile'}`;
    const expected = `an address that begins with ${secure}, since there are certificates`;
    return [{ where: place(path), path, expected, got: plain }];
  };
  return [
    ...unused('rabbit', config.amqpUrl, 'amqp://', 'amqps://'),
    ...unused('legacy', config.legacyUrl, 'http://', 'https://'),
  ];
}

const INSECURE_PARAMETERS = [
  'tlsInsecure',
  'tlsAllowInvalidCertificates',
  'tlsAllowInvalidHostnames',
] as const;

/** As the driver reads them: names percent-encoded or not, in whatever letters, and anything but a no is a yes. */
function insecureParameter(mongodbUri: string): string | undefined {
  const { searchParams } = new URL(`http://host/?${/\?([^]*)$/.exec(mongodbUri)?.[1] ?? ''}`);
  const yes = [...searchParams]
    .filter(([, value]) => !/^(false|0|no|n|f)$/i.test(value.trim()))
    .map(([name]) => name.trim().toLowerCase());
  return INSECURE_PARAMETERS.find((each) => yes.includes(each.toLowerCase()));
}

/** What switches off that certificates are checked: there is no such setting of ours, and these are not ours. */
export function insecureWays({ mongodbUri }: Addresses, env: Environment): Fault[] {
  const parameter = insecureParameter(mongodbUri);
  const fault = (where: string, path: string, got: string): Fault => ({
    where,
    path,
    expected: 'certificates to be checked (a private CA is given in "tls.caFile")',
    got,
  });
  return [
    ...(parameter === undefined
      ? []
      : [fault('environment MONGODB_URI', 'mongodbUri', `${parameter}, which is INSECURE`)]),
    ...(env['NODE_TLS_REJECT_UNAUTHORIZED'] === '0'
      ? [fault('environment NODE_TLS_REJECT_UNAUTHORIZED', '', '0, which is INSECURE')]
      : []),
  ];
}
