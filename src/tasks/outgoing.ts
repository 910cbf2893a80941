import { z } from 'zod';
import type { Outgoing } from '../workers/call.ts';
import type { TaskClaim } from './claims.ts';

const list = z.array(
  z.object({
    channel: z.object({
      broker: z.enum(['rabbitmq', 'kafka', 'memory']),
      name: z.string(),
      group: z.string().optional(),
    }),
    key: z.string().nullable(),
    message: z.unknown(),
  }),
);

/** What a claim has to publish. @throws where somebody has edited it by hand */
export const outgoingOf = ({ outgoing }: Pick<TaskClaim, 'outgoing'>): Outgoing[] =>
  outgoing === undefined || outgoing === null
    ? []
    : list.parse(JSON.parse(outgoing)).map(({ channel: { group, ...channel }, ...each }) => ({
        ...each,
        channel: group === undefined ? channel : { ...channel, group },
      }));
