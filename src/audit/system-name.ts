/** Which system a ledger belongs to: one database, one broker, one intake queue. */
import { createHash } from 'node:crypto';
import { closeSync, existsSync, openSync, readSync, renameSync } from 'node:fs';
import { join } from 'node:path';
import { z } from 'zod';
import type { Config } from '../config/schema.ts';
import { withStore } from '../registrations/neighbours.ts';

export const systemSchema = z.strictObject({
  /** Drawn once for a database, and kept in it. */
  system: z.string(),
  /** One of its addresses, without credentials: `host:port/vhost`. */
  broker: z.string(),
  queue: z.string(),
});

export type SystemName = z.infer<typeof systemSchema>;

/** The name of the system that has this database, which it is given here if it has none. @throws as withStore */
export const systemAt = async (config: Config): Promise<SystemName> => ({
  system: await withStore(config, ({ control }) => control.systemId(), 'writer'),
  broker: brokerOf(config.amqpUrl),
  queue: config.rabbit.intakeQueue,
});

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

export const systemText = ({ system, broker, queue }: SystemName): string =>
  `system ${system} (queue "${queue}" of the broker ${broker})`;

/** The simulator knows the system by its database alone, which has the claims of what it accepted. */
type LedgerHead = z.infer<typeof headSchema>;

/** The simulator's has an event and a time, too. */
const headSchema = z.object(systemSchema.shape).partial({ broker: true, queue: true });

const systemLabel = (name: LedgerHead): string =>
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

/**
 * The path of `<name>.jsonl` in a folder. One of another system, left by other servers' data, goes to a name that says whose it
 * is, and comes back when that system does.
 */
export function ledgerOf(folder: string, name: string, system: LedgerHead): string {
  const file = join(folder, `${name}.jsonl`);
  const asideOf = (whose: LedgerHead) => join(folder, `${name}-${systemLabel(whose)}.jsonl`);
  const head = headOf(file);
  if (head !== null && systemLabel(head) !== systemLabel(system)) renameSync(file, asideOf(head));
  const ours = asideOf(system);
  if (!existsSync(file) && existsSync(ours)) renameSync(ours, file);
  return file;
}
