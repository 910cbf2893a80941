/** Which system a ledger belongs to: one database, one broker, one intake queue. */
import { createHash } from 'node:crypto';
import { closeSync, openSync, readSync } from 'node:fs';
import type { ChannelModel } from 'amqplib';
import { z } from 'zod';
import type { Config } from './config-schema.ts';
import type { ControlStore } from './control.ts';

export const systemSchema = z.strictObject({
  /** Drawn once for a database, and kept in it. */
  system: z.string(),
  /** As the broker calls itself: its cluster's name. */
  broker: z.string(),
  queue: z.string(),
});

export type SystemName = z.infer<typeof systemSchema>;

/** @throws what MongoDB throws */
export async function nameSystem(
  { connection }: ChannelModel,
  control: Pick<ControlStore, 'systemId'>,
  { rabbit }: Pick<Config, 'rabbit'>,
): Promise<SystemName> {
  const broker: unknown = connection.serverProperties['cluster_name'];
  return {
    system: await control.systemId(),
    broker: typeof broker === 'string' ? broker : '',
    queue: rabbit.intakeQueue,
  };
}

export const isSameSystem = (a: SystemName, b: SystemName): boolean =>
  a.system === b.system && a.broker === b.broker && a.queue === b.queue;

/** For people. */
export const systemText = ({ system, broker, queue }: SystemName): string =>
  `system ${system} (queue "${queue}" of the broker ${broker})`;

/** The simulator knows the system by its database alone, which has the claims of what it accepted. */
export type LedgerHead = z.infer<typeof headSchema>;

/** The simulator's has an event and a time, too. */
const headSchema = z.object({
  system: z.string(),
  broker: z.string().optional(),
  queue: z.string().optional(),
});

/** For the name of a file. */
export const systemLabel = (name: LedgerHead): string =>
  createHash('sha256')
    .update(JSON.stringify([name.system, name.broker, name.queue]))
    .digest('hex')
    .slice(0, 8);

const HEAD_BYTES = 4_096;

/** What the first line of a ledger says of its system, ours or the simulator's; null where it says nothing, or there is no file. */
export function headOf(file: string): LedgerHead | null {
  try {
    const handle = openSync(file, 'r');
    const bytes = Buffer.alloc(HEAD_BYTES);
    const length = readSync(handle, bytes);
    closeSync(handle);
    const [line = ''] = bytes.subarray(0, length).toString().split('\n');
    return headSchema.safeParse(JSON.parse(line)).data ?? null;
  } catch {
    return null;
  }
}
