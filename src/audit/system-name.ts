/** Which system a ledger belongs to: one database, one broker, one intake queue. */
import { createHash } from 'node:crypto';
import { closeSync, openSync, readSync } from 'node:fs';
import { z } from 'zod';
import type { Config } from '../config/schema.ts';
import type { ControlStore } from '../coordination/control.ts';
import { withStore } from '../registrations/neighbours.ts';

export const systemSchema = z.strictObject({
  /** Drawn once for a database, and kept in it. */
  system: z.string(),
  /** One of its addresses, without credentials: `host:port/vhost`. */
  broker: z.string(),
  queue: z.string(),
});

export type SystemName = z.infer<typeof systemSchema>;

/** @throws what MongoDB throws */
export const nameSystem = async (
  control: Pick<ControlStore, 'systemId'>,
  { amqpUrl, rabbit }: Pick<Config, 'amqpUrl' | 'rabbit'>,
): Promise<SystemName> => ({
  system: await control.systemId(),
  broker: brokerOf(amqpUrl),
  queue: rabbit.intakeQueue,
});

/** The name of the system that has this database, which it is given here if it has none. @throws as withStore */
export const systemAt = (config: Config): Promise<SystemName> =>
  withStore(config, ({ control }) => nameSystem(control, config), 'writer');

/**
 * The address, since the name that a broker gives itself is no better: without a `cluster_name` each node of a cluster makes up
 * its own, and another one when its host is renamed.
 */
function brokerOf(amqpUrl: string): string {
  const { protocol, hostname, port, pathname } = new URL(amqpUrl);
  const usual = protocol === 'amqps:' ? '5671' : '5672';
  return `${hostname.toLowerCase()}:${port === '' ? usual : port}${pathname === '' ? '/' : pathname}`;
}

/** A broker has several addresses, so that another one alone makes no other system: that is told. */
export const isSameSystem = (a: SystemName, b: SystemName): boolean =>
  a.system === b.system && a.queue === b.queue;

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
