/** The presence of an intake or of a process of task workers: shown to operators, and nothing that works goes by it. */
import type { Config } from '../config/schema.ts';
import type { Guard } from '../runtime/guard.ts';
import type { Log } from '../runtime/log.ts';
import { joinProcesses, keepBeating, type ProcessNeeds } from './processes.ts';

interface Needs extends Pick<ProcessNeeds, 'db' | 'sources'> {
  ops: Pick<Config['ops'], 'enabled' | 'workerHeartbeatInterval'>;
  role: 'intake' | 'tasks';
  guard: Pick<Guard, 'suffers' | 'vitals' | 'onChange'>;
  /** Told soon when it is another text. */
  says: () => string;
  log: Log;
}

/** Beats until it is closed; where ops.enabled is false, nothing is ever written. */
export function keepPresence({ ops, says, log, ...needs }: Needs): { close(): Promise<void> } {
  if (!ops.enabled) return { close: () => Promise.resolve() };
  const everyMs = ops.workerHeartbeatInterval * 1_000;
  const me = joinProcesses({ ...needs, everyMs });
  const beat = async () => void (await me.beat());
  const beating = keepBeating(beat, needs.guard, log, { everyMs, says });
  void beating.run();
  return {
    async close() {
      await beating.close();
      await me.stop();
    },
  };
}
