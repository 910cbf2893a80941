/** Connections of a process that stays: each is made when it is first needed, and again after it was lost. */
import type { Client } from '@temporalio/client';
import { connectOnce, type RabbitConnection } from '../broker/rabbitmq/connection.ts';
import type { Config } from '../config/schema.ts';
import { openHistory } from '../operations/history.ts';
import type { Reach } from '../operations/reach.ts';
import { openStore, type Store } from '../registrations/store.ts';
import type { Log } from '../runtime/log.ts';

export interface LastingReach extends Reach {
  close(): Promise<void>;
}

export function lastingReach(config: Config, log: Log): LastingReach {
  const store = kept(
    async () => {
      const tell = (sentence: string): void => log.warn({ runbook: 'report-a-fault' }, sentence);
      const opened = await openStore(config, 'writer', tell);
      try {
        await openHistory(opened.own).index(config.ops.taskRetentionDays * DAY_MS);
      } catch (error) {
        await opened.close();
        throw error;
      }
      return opened;
    },
    ({ close }: Store) => close(),
  );
  const temporal = kept(
    async () => (await import('../temporal/client.ts')).connectTemporal(config),
    ({ connection }: Client) => connection.close(),
  );
  const rabbit = kept(
    async (lost) => {
      const { heartbeat, tls } = config.rabbit;
      const opened = await connectOnce(config.amqpUrl, 'despachante page', heartbeat, tls);
      opened.on('error', () => {}).on('close', lost);
      return opened;
    },
    (opened: RabbitConnection) => opened.close(),
  );
  return {
    store: async (work) => work(await store.open()),
    temporal: async (work) => work(await temporal.open()),
    rabbit: async (work) => work(await rabbit.open()),
    close: async () => {
      await Promise.allSettled([store.close(), temporal.close(), rabbit.close()]);
    },
  };
}

const DAY_MS = 24 * 3_600_000;

function kept<T>(open: (lost: () => void) => Promise<T>, close: (opened: T) => Promise<void>) {
  let opening: Promise<T> | null = null;
  const begin = (): Promise<T> => {
    const mine: Promise<T> = open(() => {
      if (opening === mine) opening = null;
    });
    mine.catch(() => {
      if (opening === mine) opening = null;
    });
    return mine;
  };
  return {
    open: (): Promise<T> => (opening ??= begin()),
    async close(): Promise<void> {
      const opened = await opening?.catch(() => null);
      if (opened !== null && opened !== undefined) await close(opened);
    },
  };
}
