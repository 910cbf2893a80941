/** Publishing to the intake queue, with a ledger of what the broker confirms. */
import { openPublishedLedger } from '../audit/published-ledger.ts';
import type { SystemName } from '../audit/system-name.ts';
import { publishAll, type Published } from '../broker/rabbitmq/publish-all.ts';
import type { Config } from '../config/schema.ts';
import { openPublisher } from '../registrations/neighbours.ts';
import { silent } from '../runtime/log.ts';

interface Noted extends Omit<Parameters<typeof publishAll>[0], 'publisher' | 'queue'> {
  ledgerFile: string | null;
  system: SystemName | null;
  name: string;
}

/** @throws as openPublishedLedger and publishAll */
export async function publishNoted(
  config: Config,
  { ledgerFile, system, name, onConfirmed, ...publishing }: Noted,
): Promise<Published> {
  const ledger = ledgerFile === null ? null : await openPublishedLedger(ledgerFile, system);
  const publisher = await openPublisher(config, name, silent);
  return publishAll({
    publisher,
    queue: config.rabbit.intakeQueue,
    ...publishing,
    onConfirmed(message) {
      onConfirmed?.(message);
      ledger?.add(message);
    },
  }).finally(() => Promise.all([ledger?.close(), publisher.close()]));
}
