import { setTimeout as delay } from 'node:timers/promises';
import type { Command } from 'commander';
import { legacyEndpoint } from '../config/endpoint.ts';
import { openControl } from '../coordination/control.ts';
import { watchControl } from '../coordination/control-watch.ts';
import { joinProcesses, keepBeating } from '../coordination/processes.ts';
import { createFailures } from '../broker/rabbitmq/dead-letters.ts';
import { followControl } from '../intake/holds.ts';
import { REGISTRATIONS } from '../domain/names.ts';
import type { Valve } from '../intake/valve.ts';
import { createGuard } from '../runtime/guard.ts';
import { serveHealth } from '../runtime/health.ts';
import { startRegistrationIntake } from '../registrations/intake.ts';
import { openLatencies } from '../registrations/latencies.ts';
import { lazyMongo } from '../mongo/lazy-client.ts';
import { openMalformed } from '../claims/malformed.ts';
import { createMetrics } from '../runtime/metrics.ts';
import { NotOurs } from '../mongo/ownership.ts';
import { createPlans } from '../registrations/plans.ts';
import { openPublisher } from '../registrations/neighbours.ts';
import { rulesOf } from '../registrations/rules.ts';
import { warnIfPlain } from '../temporal/data-converter.ts';
import { EncryptionDisagreement, agreementOf } from '../coordination/encryption-agreement.ts';
import { openSetAside } from '../claims/set-aside.ts';
import { connectTemporal, registerSearchAttributes, startRun } from '../temporal/client.ts';
import { announce, loadProcess, unlessStopped, untilSignal } from './context.ts';

/** Waited at most for what MongoDB says first, ms. */
const FIRST_MS = 2_000;

export function addIntake(program: Command): void {
  program
    .command('intake')
    .description('take deliveries from RabbitMQ and start a run for each batch')
    .option('--port <number>', 'port of /live, /ready and /metrics (0: any free one)')
    .addHelpText(
      'after',
      '\nRun as many as you like. SIGTERM hands over what is held, then leaves.\n\nExample: despachante intake --port 9464',
    )
    .action(async (options: { port?: string }, command: Command) => {
      const { config, log } = loadProcess(command, 'intake');
      const stopped = untilSignal(log);
      warnIfPlain(config, log);
      const client = await connectTemporal(config);
      await registerSearchAttributes(client);
      const metrics = createMetrics();
      const { rabbit } = config;
      const publisher = await unlessStopped(
        stopped,
        openPublisher(config, 'despachante intake, failures', log),
      );
      const mongo = lazyMongo(config);
      const plans = createPlans(config, metrics, log, {
        read: async () => openLatencies(await mongo.db(), config).read(),
      });
      const watch = watchControl(async () => openControl(await mongo.db()).read(), log);
      const agreement = agreementOf(config, async () => openControl(await mongo.db()), log);
      await unlessStopped(stopped, refusedOr(agreement.begin()));
      const guard = createGuard(config.guard, metrics, log);
      // So that already the first runs have what was learned; but a MongoDB that is away holds nobody up.
      await unlessStopped(stopped, Promise.race([plans.refresh(), delay(FIRST_MS)]));
      const intake = await unlessStopped(
        stopped,
        startRegistrationIntake({
          config,
          rulesFor: (workflowId) => rulesOf(config, plans.planFor(workflowId)),
          failures: createFailures(publisher, rabbit),
          setAside: async (message, reason) =>
            openSetAside(await mongo.db()).putMalformed(message, reason),
          noteMalformed: async (body, reason, at) =>
            openMalformed(await mongo.db()).note(body, reason, at),
          start: (workflowId, input) => startRun(client, config, workflowId, input),
          now: () => watch.now(),
          metrics,
          log,
        }),
      );
      followControl(intake, watch, guard, agreement, REGISTRATIONS, legacyEndpoint(config));
      void watch.refresh();
      const me = joinProcesses({
        db: () => mongo.db(),
        role: 'intake',
        guard,
        source: async () => ({
          deliveries: (await metrics.unacknowledged.get()).values[0]?.value ?? 0,
          closedBy: closedText(intake.closedBy()),
        }),
      });
      const beating = keepBeating(async () => void (await me.beat()), guard, log);
      void beating.run();
      let isStopping = false;
      const health = await serveHealth({
        host: config.health.host,
        port: Number(options.port ?? config.health.intakePort),
        metrics,
        checks: () => ({ rabbitmq: intake.isReady(), accepting: !isStopping }),
        details: () => ({ closedBy: intake.closedBy() }),
      });
      announce({ health: health.port });
      log.info({ queue: rabbit.intakeQueue, health: health.port }, 'The intake is running');
      const refusal = await Promise.race([stopped.then(() => null), mongo.refused]);
      isStopping = true;
      await intake.stop();
      guard.close();
      await Promise.allSettled([plans.close(), watch.close(), beating.close()]);
      await me.stop();
      await Promise.allSettled([
        mongo.close(),
        publisher.close(),
        client.connection.close(),
        health.close(),
      ]);
      log.info({}, 'The intake has stopped');
      if (refusal !== null) throw refusal;
    });
}

const closedText = (closed: ReturnType<Valve['closedBy']>): string | null =>
  Object.entries(closed)
    .map(([by, why]) => `${by}: ${why}`)
    .join('; ') || null;

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
