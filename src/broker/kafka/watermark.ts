/** Up to where a partition is acknowledged: the offset to commit is that of the oldest message still held, or the one to be read next. */
export interface Watermark {
  /** The offset that is read next. */
  position: bigint;
  /** Of messages that were handed out and not acknowledged. They come in the order of their offsets, and a Set keeps it. */
  readonly open: Set<bigint>;
  /** -1 for nothing. */
  committed: bigint;
}

export const watermarkAt = (offset: bigint, committed: bigint): Watermark => ({
  position: offset,
  open: new Set(),
  committed,
});

/** What can be committed now. What was acknowledged behind a message that is still held is read again after a crash. */
export function committable({ open, position }: Watermark): bigint {
  const [oldest] = open;
  return oldest ?? position;
}
