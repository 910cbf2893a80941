/** A process that stays: configured, started, watched by health and stopped by a signal, the same for every role. */
import type { Client } from '@temporalio/client';
import { Command } from 'commander';
import type { LoadedConfig } from '../config/load.ts';
import { serveHealth, type Health } from '../runtime/health.ts';
import type { Log } from '../runtime/log.ts';
import { createMetrics, type Metrics } from '../runtime/metrics.ts';
import { announce, untilSignal } from './context.ts';
import { CommandError, EXIT } from './exit.ts';
import { loadProcess } from './load-process.ts';

export interface Process extends Pick<LoadedConfig, 'config' | 'forOthers'> {
  log: Log;
  metrics: Metrics;
  client: Client;
  /** Waits for something of the start. @throws CommandError when the process is told to stop meanwhile */
  unlessStopped: <T>(starting: Promise<T>) => Promise<T>;
}

export interface Service extends Health {
  /** Beside the port of its health, for the log. */
  facts: object;
  /** Settles when it has ended by itself, with why; rejects when it failed. */
  ended: Promise<unknown>;
  stop(): Promise<void>;
}

const NAMES = {
  intake: 'The intake is',
  worker: 'The worker is',
  tasks: 'The workers are',
} as const;

export function addService(
  service: Command,
  role: 'intake' | 'worker' | 'tasks',
  start: (process: Process, command: Command) => Promise<Service>,
): Command {
  return service
    .option('--port <number>', 'port of /live, /ready and /metrics (0: any free one)')
    .action(async (...given: unknown[]) => {
      // Arguments stand before the options and the command.
      const command = commandIn(given);
      const { port } = command.opts<{ port?: string }>();
      const { config, forOthers, log } = loadProcess(command, role);
      const stopped = untilSignal(log);
      const metrics = createMetrics();
      let up: Health | null = null;
      // Before anything is begun: where the port is taken, nothing has to be stopped.
      const health = await serveHealth({
        host: config.health.host,
        port: Number(port ?? config.health[`${role}Port`]),
        metrics,
        health: () => up,
      });
      const { connectReady } = await import('../temporal/ready.ts');
      const client = await connectReady(config, log);
      const toldToStop = stopped.then((signal) => {
        throw new CommandError(`Stopped by ${signal} before it was up`, EXIT.ok);
      });
      toldToStop.catch(() => {});
      const unlessStopped = <T>(starting: Promise<T>) => Promise.race([starting, toldToStop]);
      const service = await start(
        { config, forOthers, log, metrics, client, unlessStopped },
        command,
      );
      let isStopping = false;
      up = { ...service, checks: () => ({ ...service.checks(), accepting: !isStopping }) };
      announce({ health: health.port });
      log.info({ ...service.facts, health: health.port }, `${NAMES[role]} running`);
      // What fails is told once all others have stopped in order.
      const failure: unknown = await Promise.race([
        stopped.then(() => null),
        service.ended.catch((error: unknown) => error),
      ]);
      isStopping = true;
      await service.stop();
      await Promise.allSettled([client.connection.close(), health.close()]);
      log.info({}, 'The process has stopped');
      if (failure instanceof Error) throw failure;
    });
}

function commandIn(given: readonly unknown[]): Command {
  const command = given.at(-1);
  if (!(command instanceof Command)) throw new Error('commander gave no command');
  return command;
}
