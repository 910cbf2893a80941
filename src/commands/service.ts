/** A process that stays: configured, started, watched by health and stopped by a signal, the same for every role. */
import type { Command } from 'commander';
import type { Config } from '../config/schema.ts';
import { serveHealth, type HealthOptions } from '../runtime/health.ts';
import { errorFacts, type Log } from '../runtime/log.ts';
import { createMetrics, type Metrics } from '../runtime/metrics.ts';
import { connectTemporal, registerSearchAttributes } from '../temporal/client.ts';
import { OtherClaims, requireSameClaims } from '../temporal/schedules.ts';
import { warnIfPlain } from '../temporal/keys.ts';
import { CommandError, EXIT, announce, untilSignal } from './context.ts';
import { loadProcess } from './load-process.ts';

export interface Process {
  config: Config;
  log: Log;
  metrics: Metrics;
  client: Awaited<ReturnType<typeof connectTemporal>>;
  /** Waits for something of the start. @throws CommandError when the process is told to stop meanwhile */
  unlessStopped: <T>(starting: Promise<T>) => Promise<T>;
}

export interface Service extends Pick<HealthOptions, 'checks' | 'details' | 'refresh'> {
  /** Beside the port of its health, for the log. */
  facts: object;
  /** Settles when it has ended by itself, with why; rejects when it failed. */
  ended: Promise<unknown>;
  stop(): Promise<void>;
}

/** `prepare` comes before anything of Temporal's in the process. */
export function addService(
  program: Command,
  role: 'intake' | 'worker',
  start: (process: Process) => Promise<Service>,
  prepare: (log: Log) => void = () => {},
): Command {
  return program
    .command(role)
    .option('--port <number>', 'port of /live, /ready and /metrics (0: any free one)')
    .action(async ({ port }: { port?: string }, command: Command) => {
      const { config, log } = loadProcess(command, role);
      prepare(log);
      const stopped = untilSignal(log);
      warnIfPlain(config, log);
      const client = await connectTemporal(config);
      await registerSearchAttributes(client);
      await requireSameClaims(client, config).catch((error: unknown) => {
        if (error instanceof OtherClaims) throw error;
        log.warn(
          errorFacts(error),
          'Whether all processes keep their claims in one place is not known',
        );
      });
      const metrics = createMetrics();
      const toldToStop = stopped.then((signal) => {
        throw new CommandError(`Stopped by ${signal} before it was up`, EXIT.ok);
      });
      toldToStop.catch(() => {});
      const unlessStopped = <T>(starting: Promise<T>) => Promise.race([starting, toldToStop]);
      const service = await start({ config, log, metrics, client, unlessStopped });
      let isStopping = false;
      const health = await serveHealth({
        ...service,
        host: config.health.host,
        port: Number(port ?? config.health[`${role}Port`]),
        metrics,
        checks: () => ({ ...service.checks(), accepting: !isStopping }),
      });
      announce({ health: health.port });
      log.info({ ...service.facts, health: health.port }, `The ${role} is running`);
      const failure = await Promise.race([stopped.then(() => null), service.ended]);
      isStopping = true;
      await service.stop();
      await Promise.allSettled([client.connection.close(), health.close()]);
      log.info({}, `The ${role} has stopped`);
      if (failure instanceof Error) throw failure;
    });
}
