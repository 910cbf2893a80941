/** Temporal for a process that stays. */
import type { Client } from '@temporalio/client';
import type { Config } from '../config/schema.ts';
import { errorFacts, type Log } from '../runtime/log.ts';
import { connectTemporal, registerSearchAttributes } from './client.ts';
import { warnIfPlain } from './keys.ts';
import { OtherClaims, requireSameClaims } from './schedules.ts';

/**
 * Connects, makes the search attributes known, and sees that all processes keep their claims in one place.
 * @throws as connectTemporal and registerSearchAttributes; OtherClaims
 */
export async function connectReady(config: Config, log: Log): Promise<Client> {
  warnIfPlain(config, log);
  const client = await connectTemporal(config);
  try {
    await registerSearchAttributes(client);
    await requireSameClaims(client, config).catch((error: unknown) => {
      if (error instanceof OtherClaims) throw error;
      log.warn(
        { runbook: 'start-warnings', ...errorFacts(error) },
        'Cannot check whether all processes keep their claims in one place',
      );
    });
    return client;
  } catch (error) {
    await client.connection.close();
    throw error;
  }
}
