/** Where a file goes once its outcome is written down, as a message to its folder. */
import { z } from 'zod';
import type { Outgoing } from '../workers/call.ts';
import type { Kept } from './place.ts';

const move = z.object({
  to: z.enum(['done', 'inbox']),
  id: z.string(),
  name: z.string(),
  marker: z.string().nullable(),
  day: z.string(),
});

export const outgoingOf = (folder: string, kept: Kept, to: 'done' | 'inbox'): Outgoing => ({
  channel: { broker: 'folder', name: folder },
  key: null,
  message: { to, ...kept, day: new Date().toISOString().slice(0, 10) },
});

/** @throws Error where it is none */
export const moveOf = ({ message }: Pick<Outgoing, 'message'>) => move.parse(message);
