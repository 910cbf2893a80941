/** Reads a file once: its SHA-256, and its bytes where they are few. */
import { createHash } from 'node:crypto';
import type { FileHandle } from 'node:fs/promises';

/** So many bytes are sent from memory: one read for both, and what is sent is what was digested. */
const SMALL = 64 * 1024;
const PIECE = 256 * 1024;

export interface Digested {
  sha256: Buffer;
  /** Null of a large one. */
  bytes: Buffer | null;
  /** As far as it could be read. */
  size: number;
}

/** @throws what reading throws; the reason of the signal */
export async function digest(
  file: FileHandle,
  size: number,
  signal: AbortSignal,
): Promise<Digested> {
  const hash = createHash('sha256');
  const isSmall = size <= SMALL;
  // One byte more than it should have shows whether it has grown.
  const buffer = Buffer.allocUnsafe(isSmall ? size + 1 : PIECE);
  let position = 0;
  for (;;) {
    signal.throwIfAborted();
    const offset = isSmall ? position : 0;
    const { bytesRead } = await file.read(buffer, offset, buffer.length - offset, position);
    if (bytesRead === 0) break;
    hash.update(buffer.subarray(offset, offset + bytesRead));
    position += bytesRead;
    // A small one was asked for one byte more.
    if (position > size || (isSmall && position === size)) break;
  }
  const bytes = isSmall ? buffer.subarray(0, Math.min(position, size)) : null;
  return { sha256: hash.digest(), bytes, size: position };
}
