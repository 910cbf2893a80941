/** Whether a host is one of this machine or of a private network: a public server may not lead there. */
import { lookup } from 'node:dns/promises';
import { BlockList, isIP } from 'node:net';

const NEAR = new BlockList();
for (const [address, bits] of [
  ...([
    ['0.0.0.0', 8],
    ['10.0.0.0', 8],
    ['100.64.0.0', 10],
    ['127.0.0.0', 8],
  ] as const),
  ...([
    ['169.254.0.0', 16],
    ['172.16.0.0', 12],
    ['192.168.0.0', 16],
    ['198.18.0.0', 15],
  ] as const),
] as const)
  NEAR.addSubnet(address, bits, 'ipv4');
for (const [address, bits] of [
  ...([
    ['::', 127],
    ['fc00::', 7],
    ['fe80::', 10],
    ['64:ff9b::', 96],
  ] as const),
] as const)
  NEAR.addSubnet(address, bits, 'ipv6');

/** @throws what the look-up of the name throws */
export async function isNear(hostname: string): Promise<boolean> {
  const plain = hostname.replace(/^\[|\]$/g, '');
  const known = isIP(plain);
  const all =
    known === 0 ? await lookup(plain, { all: true }) : [{ address: plain, family: known }];
  return all.some(({ address, family }) => NEAR.check(address, family === 6 ? 'ipv6' : 'ipv4'));
}
