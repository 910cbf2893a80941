/** How an operation gets to a neighbour: whoever stays gives the one that is open, a command opens one for the work. */
import type { Client } from '@temporalio/client';
import type { RabbitConnection } from '../broker/rabbitmq/connection.ts';
import type { Config } from '../config/schema.ts';
import { why } from '../doctor/diagnosis.ts';
import { withRabbit, withStore, withTemporal } from '../registrations/neighbours.ts';
import type { Store } from '../registrations/store.ts';

export type Use<Neighbour> = <T>(work: (neighbour: Neighbour) => Promise<T>) => Promise<T>;

export interface Reach {
  store: Use<Store>;
  temporal: Use<Client>;
  rabbit: Use<RabbitConnection>;
}

/** Each opened for the work, and closed after it. */
export const reachOf = (config: Config): Reach => ({
  store: (work) => withStore(config, work),
  temporal: (work) => withTemporal(config, work),
  rabbit: (work) => withRabbit(config, work),
});

/** A part of an answer that may be missing: in an outage the rest is what one looks for. */
export type Part<T> = { ok: true; value: T } | { ok: false; error: string };

export const part = <T>(work: Promise<T>): Promise<Part<T>> =>
  work.then(
    (value): Part<T> => ({ ok: true, value }),
    (error: unknown): Part<T> => ({ ok: false, error: why(error) }),
  );
