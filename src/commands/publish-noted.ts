/** Publishing to the intake queue, with a ledger of what the broker confirms. */
import { openPublishedLedger } from '../audit/published-ledger.ts';
import type { SystemName } from '../audit/system-name.ts';
import { publishAll, type Outgoing, type Published } from '../broker/rabbitmq/publish-all.ts';
import type { Config } from '../config/schema.ts';
import { openPublisher } from '../registrations/neighbours.ts';
import { silent } from '../runtime/log.ts';

interface Noted {
  messages: AsyncIterable<Outgoing> | Iterable<Outgoing>;
  /** Null for none. */
  ledgerFile: string | null;
  system: SystemName | null;
  name: string;
  onConfirmed?: () => void;
  window?: number;
  perSecond?: number | null;
  signal?: AbortSignal;
}

/** @throws as openPublishedLedger and publishAll */
export async function publishNoted(
  config: Config,
  { messages, ledgerFile, system, name, onConfirmed, ...pace }: Noted,
): Promise<Published> {
  const ledger = ledgerFile === null ? null : await openPublishedLedger(ledgerFile, system);
  const publisher = await openPublisher(config, name, silent);
  return publishAll({
    publisher,
    queue: config.rabbit.intakeQueue,
    messages,
    ...pace,
    onConfirmed(message) {
      onConfirmed?.();
      ledger?.add(message);
    },
  }).finally(() => Promise.all([ledger?.close(), publisher.close()]));
}
