/** Servers of a scenario's own, which it may kill: an instance of `npm run engines` beside those that the others use. */
import { execFile } from 'node:child_process';
import { rmSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { z } from 'zod';
import { atEnd } from '../helpers/servers.ts';
import type { Ending } from '../helpers/servers.ts';

export const SERVERS = ['rabbitmq', 'temporal', 'mongodb'] as const;
export type Server = (typeof SERVERS)[number];

export interface PrivateServers {
  /** As environment variables. */
  addresses: Record<string, string>;
  isUp(server: Server): boolean;
  /** Undefined while it is down, and where it is no process of this machine. */
  pid(server: Server): number | undefined;
  /** SIGKILL, to all that belongs to it. */
  kill(server: Server): void;
  /** Deletes the data of one that is down. */
  forget(server: Server): void;
  /** With the data it has. Resolves when it answers. */
  start(server: Server): Promise<void>;
}

const CLI = fileURLToPath(new URL('../../../engines/cli.mjs', import.meta.url));
const status = z.object({
  engines: z.array(
    z.object({
      name: z.string(),
      pid: z.number().optional(),
      data: z.string().optional(),
      addresses: z.record(z.string(), z.string()).optional(),
    }),
  ),
});

/** Starts them without the data of an earlier suite, and ends them with the scenario. @throws Error with what the engines say when one does not start */
export async function privateServers(
  t: Ending,
  instance: string,
  names: readonly Server[] = SERVERS,
  env: Record<string, string> = {},
): Promise<PrivateServers> {
  const engines = async (command: string, ...args: string[]): Promise<string> => {
    const { stdout } = await promisify(execFile)(
      process.execPath,
      [CLI, command, '--instance', instance, '--json', ...args],
      { env: { ...withoutAddresses(process.env), ...env } },
    );
    return stdout;
  };
  const pids = new Map<string, number>();
  const folders = new Map<string, string>();
  const addresses: Record<string, string> = {};
  const up = async (wanted: readonly string[], ...how: string[]): Promise<void> => {
    const found = await engines('start', '--only', wanted.join(), ...how);
    for (const engine of status.parse(JSON.parse(found)).engines) {
      if (engine.pid !== undefined) pids.set(engine.name, engine.pid);
      if (engine.data !== undefined) folders.set(engine.name, engine.data);
      Object.assign(addresses, engine.addresses);
    }
  };
  atEnd(t, async () => void (await engines('stop')));
  await engines('stop'); // what an interrupted suite may have left
  await up(names, '--fresh');
  return {
    addresses,
    isUp: (server) => pids.has(server),
    pid: (server) => pids.get(server),
    kill(server) {
      const pid = pids.get(server);
      pids.delete(server);
      // Each leads a process group of its own (engines/processes.mjs).
      if (pid !== undefined) process.kill(-pid, 'SIGKILL');
    },
    forget(server) {
      rmSync(folders.get(server) ?? '', { recursive: true, force: true });
    },
    start: (server) => up([server]),
  };
}

/** An address that is given is a server that is not started. */
function withoutAddresses(env: NodeJS.ProcessEnv): NodeJS.ProcessEnv {
  const given = /^(AMQP_URL|MONGODB_URI|TEMPORAL_ADDRESS|RABBITMQ_WEB_URL|TEMPORAL_WEB_URL)$/;
  return Object.fromEntries(Object.entries(env).filter(([name]) => !given.test(name)));
}
