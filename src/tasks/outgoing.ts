import { z } from 'zod';
import type { Outgoing } from '../workers/call.ts';
import type { TaskClaim } from './claims.ts';

const list = z.array(
  z.object({
    channel: z.object({
      broker: z.enum(['rabbitmq', 'kafka', 'folder', 'memory']),
      name: z.string(),
      group: z.string().optional(),
    }),
    key: z.string().nullable(),
    message: z.unknown(),
  }),
);

export class UnreadableOutput extends Error {
  override readonly name = 'UnreadableOutput';
}

/** What a claim has to publish. @throws UnreadableOutput, which no further try mends */
export function outgoingOf({ outgoing }: Pick<TaskClaim, 'outgoing'>): Outgoing[] {
  if (outgoing === undefined || outgoing === null) return [];
  const read = list.safeParse(JSON.parse(outgoing));
  if (!read.success) throw new UnreadableOutput('what is to be published names no channel');
  return read.data.map(({ channel: { group, ...channel }, ...each }) => ({
    ...each,
    channel: group === undefined ? channel : { ...channel, group },
  }));
}
