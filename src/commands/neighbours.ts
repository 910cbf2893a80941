/** A neighbour for as long as a command needs it: connected, given to the work, closed whatever happens. */
import type { Client } from '@temporalio/client';
import type { Config } from '../config/schema.ts';
import { why } from '../doctor/diagnosis.ts';
import type { Opener } from '../mongo/own-database.ts';
import { openStore } from '../registrations/store.ts';
import type { Store } from '../registrations/store.ts';
import { nameSystem } from '../audit/system-name.ts';
import type { SystemName } from '../audit/system-name.ts';
import { connectTemporal } from '../temporal/client.ts';

/** @throws Error that names the address when it cannot be reached, or what `work` throws */
export async function withStore<T>(
  config: Config,
  work: (store: Store) => Promise<T>,
  as: Opener = 'reader',
): Promise<T> {
  const store = await openStore(config, as);
  return work(store).finally(() => store.close());
}

/** @throws as withStore */
export async function withTemporal<T>(
  config: Config,
  work: (client: Client) => Promise<T>,
): Promise<T> {
  const client = await connectTemporal(config);
  return work(client).finally(() => client.connection.close());
}

/** The name of the system that has this database, which it is given here if it has none. @throws as withStore */
export const systemAt = (config: Config): Promise<SystemName> =>
  withStore(config, ({ control }) => nameSystem(control, config), 'writer');

/** A part of an answer that may be missing: in an outage the rest is what one looks for. */
export type Part<T> = { ok: true; value: T } | { ok: false; error: string };

export const part = <T>(work: Promise<T>): Promise<Part<T>> =>
  work.then(
    (value): Part<T> => ({ ok: true, value }),
    (error: unknown): Part<T> => ({ ok: false, error: why(error) }),
  );
