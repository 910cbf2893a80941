/** The id and the key that a worker reads from a message itself. */
import { readMessage } from './message.ts';
import type { Worker } from './worker.ts';

export interface Identity {
  id: string | null;
  key: string | null;
}

/**
 * Null where the worker has no word for it, or the message is none of its own.
 * @param body base64
 * @throws whatever `idFrom` or `keyFrom` throws; RangeError or TypeError where it is no text, and no number that is exact
 */
export async function identityOf({ hooks, work }: Worker, body: string): Promise<Identity> {
  if (hooks.idFrom === undefined && hooks.keyFrom === undefined) return { id: null, key: null };
  const read = await readMessage(work, body);
  if (read.kind !== 'read') return { id: null, key: null };
  const { message } = read;
  return {
    id: text('idFrom', hooks.idFrom?.(message)),
    key: text('keyFrom', hooks.keyFrom?.(message)),
  };
}

/** What is rounded, or is told by its type alone, would be one id for several messages. */
function text(by: string, value: unknown): string | null {
  if (value === null || value === undefined || value === '') return null;
  if (typeof value === 'string') return value;
  if (typeof value === 'number' && Number.isSafeInteger(value)) return String(value);
  if (Number.isInteger(value))
    throw new RangeError(`${by} returned a number beyond 2^53: send it as text`);
  throw new TypeError(`${by} returned neither a text nor a whole number`);
}
