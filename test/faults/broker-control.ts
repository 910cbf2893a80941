/** `rabbitmqctl` for a broker of a scenario's own: what operators do to it, and the management API has not. */
import { execFile } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { promisify } from 'node:util';

export type BrokerControl = (...args: string[]) => Promise<void>;

/**
 * With the environment that the broker itself has: its name, its cookie, its ports. Null where that cannot be read: on
 * other systems than Linux, and where it runs in a container.
 */
export function brokerControl(pid: number | undefined): BrokerControl | null {
  const env = pid === undefined ? null : environmentOf(pid);
  if (env === null) return null;
  // The program beside the broker's libraries; Debian's in /usr/sbin would become another user.
  const libraries = env['ERL_LIBS'] ?? '';
  const PATH = [
    join(libraries, '..', '..', '..', 'bin'),
    join(libraries, '..', 'sbin'),
    env['PATH'],
  ].join(':');
  return async (...args) => {
    await promisify(execFile)('rabbitmqctl', args, { env: { ...env, PATH } });
  };
}

function environmentOf(pid: number): Record<string, string> | null {
  try {
    const entries = readFileSync(`/proc/${pid}/environ`, 'utf8').split('\0').filter(Boolean);
    return Object.fromEntries(
      entries.map((entry): [string, string] => {
        const at = entry.indexOf('=');
        return [entry.slice(0, at), entry.slice(at + 1)];
      }),
    );
  } catch {
    return null;
  }
}
