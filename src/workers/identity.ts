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
 * @throws whatever `idFrom` or `keyFrom` throws
 */
export async function identityOf({ hooks, work }: Worker, body: string): Promise<Identity> {
  if (hooks.idFrom === undefined && hooks.keyFrom === undefined) return { id: null, key: null };
  const read = await readMessage(work, body);
  if (read.kind !== 'read') return { id: null, key: null };
  return { id: text(hooks.idFrom?.(read.message)), key: text(hooks.keyFrom?.(read.message)) };
}

const text = (value: string | number | null | undefined): string | null =>
  value === null || value === undefined || value === '' ? null : String(value);
