/** Which user of this machine has opened a connection to us, where the system tells it. */
import { readFileSync } from 'node:fs';
import { isIPv4, type Socket } from 'node:net';

/**
 * Whether it is from another machine, or from another user than ours; root counts as ours, since it can read our memory. Only
 * Linux tells (/proc); elsewhere the answer is no.
 */
export function isOtherUser({ remoteAddress = '', remotePort = 0 }: Socket): boolean {
  const ours = process.getuid?.();
  if (process.platform !== 'linux' || ours === undefined) return false;
  const theirs = ownerOf(remoteAddress.replace(/^::ffff:/, ''), remotePort);
  return theirs !== ours && theirs !== 0;
}

/** Null where no socket of this machine has that address. */
function ownerOf(address: string, port: number): number | null {
  const files = isIPv4(address) ? ['tcp', 'tcp6'] : ['tcp6'];
  const suffix = `:${port.toString(16).toUpperCase().padStart(4, '0')}`;
  for (const file of files) {
    const [, ...rows] = readFileSync(`/proc/self/net/${file}`, 'utf8').split('\n');
    for (const row of rows) {
      const [, local = '', , , , , , uid] = row.trim().split(/\s+/);
      if (local.endsWith(suffix) && isSameAddress(local, address)) return Number(uid);
    }
  }
  return null;
}

/** `0100007F:1F90` is 127.0.0.1: words of 32 bits in the order of this machine. */
function isSameAddress(local: string, address: string): boolean {
  const hex = local.slice(0, local.indexOf(':'));
  const bytes = Buffer.from(hex, 'hex');
  bytes.swap32();
  if (isIPv4(address)) return bytes.subarray(-4).join('.') === address;
  const groups = Array.from({ length: 8 }, (_, at) => bytes.readUInt16BE(at * 2).toString(16));
  return new URL(`http://[${groups.join(':')}]`).hostname === `[${address}]`;
}
