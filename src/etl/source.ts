/** The source of a run: each element of the list is a delivery. So many are out at once; what has been handed to a run is remembered. */
import type { Delivery, OpenSource } from '../broker/source.ts';
import type { Format, Framed, Place } from './framer.ts';
import { elementsOf, type ListShape } from './spool.ts';

/** Elements that have not ended: runs of them are open, and each costs memory in every process that it goes through. */
const MOST_OPEN = 2_000;
/** Deliveries, and their bytes, that no run has yet. */
const MOST_OUT = 2_000;
const MOST_BYTES = 8 * 1024 * 1024;

interface Out extends Place {
  isAcked: boolean;
}

export type ListSource = ReturnType<typeof createListSource>;

/**
 * @param from where the first element begins that no run has
 * @param ended how many have ended
 */
export function createListSource(
  path: string,
  shape: ListShape,
  format: Format,
  from: Place,
  failed: (error: unknown) => void,
  ended: () => number,
) {
  let begin = from;
  const out: Out[] = [];
  let bytes = 0;
  let isOpen = false;
  let isClosed = false;
  let isOver = false;
  let wake = (): void => {};
  /** The element after the last one that was delivered. */
  let next: Place = from;

  const isFull = (): boolean => next.index - ended() >= MOST_OPEN;
  const mayDeliver = (): boolean =>
    isOpen && out.length < MOST_OUT && bytes < MOST_BYTES && !isFull();

  async function pump(onDelivery: (delivery: Delivery) => void): Promise<void> {
    for (;;) {
      // A text that begins in the middle needs an element there.
      const at = begin.index === 0 ? null : { ...begin, format };
      for await (const element of elementsOf(path, shape, at)) {
        while (!mayDeliver() && !isClosed) await new Promise<void>((resolve) => (wake = resolve));
        if (isClosed) return;
        onDelivery(deliveryOf(element));
      }
      isOver = true;
      while (isOver && !isClosed) await new Promise<void>((resolve) => (wake = resolve));
      if (isClosed) return;
    }
  }

  function deliveryOf({ index, offset, bytes: body, size }: Framed): Delivery {
    const entry: Out = { index, offset, isAcked: false };
    const length = body?.length ?? 0;
    out.push(entry);
    bytes += length;
    next = { index: index + 1, offset: offset + size };
    return {
      body: body ?? Buffer.alloc(0),
      properties: body === null ? String(size) : '',
      ...{ trouble: null, failedGeneration: null, receivedAt: Date.now() },
      ...{ origin: { broker: 'url', offset }, key: null, messageId: String(index) },
      headers: () => ({}),
      ack() {
        if (entry.isAcked) return;
        entry.isAcked = true;
        bytes -= length;
        while (out[0]?.isAcked === true) out.shift();
        wake();
      },
      release() {},
      isGone: () => isClosed,
    };
  }

  const open: OpenSource = (onDelivery) => {
    void pump(onDelivery).catch(failed);
    return Promise.resolve({
      pause: () => Promise.resolve(void (isOpen = false)),
      resume() {
        isOpen = true;
        wake();
        return Promise.resolve();
      },
      isReady: () => !isClosed,
      close() {
        isClosed = true;
        wake();
        return Promise.resolve();
      },
    });
  };

  return {
    open,
    /** More have ended. */
    wake: (): void => wake(),
    /** So many have not ended, as far as it was told, that no other is delivered. */
    isFull,
    /** Every element is with a run. */
    isOver: () => isOver && out.length === 0,
    /** The first element that no run has, or the end. */
    position: (): Place => out[0] ?? next,
    /** Delivers all elements once more: those that are known are dropped. */
    again(): void {
      begin = { index: 0, offset: 0 };
      isOver = false;
      wake();
    },
  };
}
