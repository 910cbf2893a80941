import { setTimeout as delay } from 'node:timers/promises';
import type { Command } from 'commander';
import { createFailures } from '../broker/rabbitmq/dead-letters.ts';
import { openMalformed } from '../claims/malformed.ts';
import { openSetAside } from '../claims/set-aside.ts';
import { legacyEndpoint } from '../config/endpoint.ts';
import { openControl } from '../coordination/control.ts';
import { watchControl } from '../coordination/control-watch.ts';
import { EncryptionDisagreement, agreementOf } from '../coordination/encryption-agreement.ts';
import { keepPresence } from '../coordination/presence.ts';
import { REGISTRATIONS } from '../domain/names.ts';
import { followControl } from '../intake/holds.ts';
import { inHand } from '../intake/intake.ts';
import { closedText } from '../intake/valve.ts';
import { lazyMongo } from '../mongo/lazy-client.ts';
import { NotOurs } from '../mongo/ownership.ts';
import { startRegistrationIntake } from '../registrations/intake.ts';
import { openLatencies } from '../registrations/latencies.ts';
import { openPublisher } from '../registrations/neighbours.ts';
import { createPlans } from '../registrations/plans.ts';
import { rulesOf } from '../registrations/rules.ts';
import { createGuard } from '../runtime/guard.ts';
import { startRegistrations } from '../temporal/client.ts';
import { addService, type Process, type Service } from './service.ts';
import { examples } from './examples.ts';

/** Waited at most for what MongoDB says first, ms. */
const FIRST_MS = 2_000;

export function addIntake(program: Command): void {
  addService(program.command('intake'), 'intake', start).addHelpText(
    'after',
    `
Run as many as you like. SIGTERM hands its messages over, then leaves.
${examples(
  ['On the standard port of health and metrics, 9464', 'despachante intake'],
  ['A second one on the same machine', 'despachante intake --port 9474'],
)}`,
  );
}

async function start({ config, log, metrics, client, unlessStopped }: Process): Promise<Service> {
  const { rabbit } = config;
  const name = 'despachante intake, failures';
  const publisher = await unlessStopped(openPublisher(config, name, log));
  const mongo = lazyMongo(config);
  const plans = createPlans(config, metrics, log, {
    read: async () => openLatencies(await mongo.db(), config).read(),
  });
  const control = async () => openControl(await mongo.db());
  const watch = watchControl(async () => (await control()).read(), metrics, log);
  const agreement = agreementOf(config, control, log);
  await unlessStopped(refusedOr(agreement.begin()));
  const guard = createGuard(config.guard, metrics, log);
  // So that already the first runs have what was learned; but a MongoDB that is away holds nobody up.
  await unlessStopped(Promise.race([plans.refresh(), delay(FIRST_MS)]));
  const starting = startRegistrationIntake({
    config,
    rulesFor: (workflowId, size) => rulesOf(config, plans.planFor(workflowId, size)),
    failures: createFailures(publisher, rabbit),
    setAside: async (message, reason) =>
      openSetAside(await mongo.db()).putMalformed(message, reason),
    noteMalformed: async (body, reason, at) =>
      openMalformed(await mongo.db()).note(body, reason, at),
    start: (workflowId, input) => startRegistrations(client, config, workflowId, input),
    now: () => watch.now(),
    metrics,
    log,
  });
  const intake = await unlessStopped(starting);
  followControl(intake, watch, guard, agreement, REGISTRATIONS, legacyEndpoint(config));
  void watch.refresh();
  const closedBy = () => closedText(intake.closedBy());
  const presence = keepPresence({
    ...{ ops: config.ops, role: 'intake', db: () => mongo.db(), guard, log },
    sources: async () => [
      {
        name: REGISTRATIONS,
        deliveries: await inHand(metrics, REGISTRATIONS),
        closedBy: closedBy(),
      },
    ],
    says: () => String(closedBy()),
  });
  return {
    facts: { queue: rabbit.intakeQueue },
    checks: () => ({ rabbitmq: intake.isReady(), temporal: intake.canStart() }),
    details: () => ({ closedBy: intake.closedBy() }),
    ended: mongo.refused,
    async stop() {
      await intake.stop();
      guard.close();
      await Promise.allSettled([plans.close(), watch.close(), presence.close()]);
      await Promise.allSettled([mongo.close(), publisher.close()]);
    },
  };
}

/**
 * A MongoDB that is away is no reason not to start: intake takes nothing until it has read what stands there.
 * @throws NotOurs where a collection of our names is somebody else's; EncryptionDisagreement where others encrypt otherwise
 */
async function refusedOr(begun: Promise<void>): Promise<void> {
  const told = begun.catch((error: unknown) => {
    if (error instanceof NotOurs || error instanceof EncryptionDisagreement) throw error;
  });
  await Promise.race([told, delay(FIRST_MS)]);
}
