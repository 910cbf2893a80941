/**
 * Aborts the calls of this process whose tasks have ended without them: their runs were cancelled. A call outlives the activity that
 * began it, and also the cancellation of that activity, which comes of a run that continues as new, too; and any process may have
 * ended the task. So the claims tell.
 */
import type { Log } from '../../src/runtime/log.ts';
import { every, type Every } from '../../src/runtime/every.ts';
import type { TaskClaims } from '../../src/tasks/claims.ts';
import type { Caller } from '../../src/workers/call.ts';

const EACH_MS = 1_000;

interface Needs {
  claims: Pick<TaskClaims, 'decided'>;
  caller: Pick<Caller, 'cancel'>;
  log: Log;
}

export function createCancelling({ claims, caller, log }: Needs) {
  /** By claim: the id of its call. */
  const running = new Map<string, string>();
  /** While there are some. */
  let looking: Every | null = null;

  async function look(): Promise<void> {
    for (const claim of await claims.decided([...running.keys()])) {
      const id = running.get(claim);
      if (id !== undefined) caller.cancel(id);
    }
  }
  const told = {
    runbook: 'mongodb-away',
    failed: 'MongoDB cannot say which tasks were cancelled: their handlers go on',
    again: 'MongoDB says again which tasks were cancelled',
  } as const;

  /** Watches these until the work has ended. */
  return async <T>(
    calls: readonly { claim: string; id: string }[],
    work: Promise<T>,
  ): Promise<T> => {
    for (const { claim, id } of calls) running.set(claim, id);
    looking ??= every(EACH_MS, look, log, told);
    try {
      return await work;
    } finally {
      for (const { claim } of calls) running.delete(claim);
      if (running.size === 0) {
        void looking?.close();
        looking = null;
      }
    }
  };
}
