/** Runs a list as its command line does, in a process of its own. Stopped or killed, it goes on when it is run again. */
import { spawn } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { activityInfo } from '@temporalio/activity';
import { ApplicationFailure } from '@temporalio/common';
import type { EtlEnded, EtlOrder } from '../../src/domain/etl-order.ts';
import { ownRun, withHeartbeat } from '../heartbeat.ts';

const CLI = fileURLToPath(new URL('../../src/cli.js', import.meta.url));
const SAID = 2_000;
/** All were processed, or all have ended. */
const FINISHED = [0, 3];
/** The command line or the input has to be changed by a person. */
const FINAL = [1, 2];

export type EtlActivities = ReturnType<typeof createScheduledEtl>;

interface Needs {
  /** By the id of the run; null where its schedule was removed. */
  orderOf: (workflowId: string) => Promise<EtlOrder | null>;
  /** Aborted when this process stops: so does the run. */
  stopping: AbortSignal;
}

export const createScheduledEtl = ({ orderOf, stopping }: Needs) => ({
  runEtl: (): Promise<EtlEnded> =>
    withHeartbeat(async ({ signal }) => {
      const order = await orderOf(ownRun());
      if (order === null) return { exitCode: 0, said: 'Its schedule was removed' };
      const { args, folder } = order;
      // Where its end was not heard, the next attempt is answered with it.
      const under = ['--order', activityInfo().workflowExecution?.runId ?? ''];
      const run = [CLI, 'etl', 'run', ...under, ...args];
      const child = spawn(process.execPath, [...process.execArgv, ...run], {
        // Where this process is killed, the channel tells the child, which stops then.
        ...{ cwd: folder, stdio: ['ignore', 'pipe', 'pipe', 'ipc'] },
      });
      let said = '';
      for (const stream of [child.stdout, child.stderr])
        stream?.on('data', (piece: Buffer) => (said = (said + piece.toString()).slice(-SAID)));
      // A second SIGTERM would end it at once.
      const told = AbortSignal.any([signal, stopping]);
      const stop = (): void => void child.kill('SIGTERM');
      told.addEventListener('abort', stop, { once: true });
      if (told.aborted) stop();
      const exitCode = await new Promise<number>((resolve, reject) => {
        child.once('error', reject);
        child.once('close', (code) => resolve(code ?? 128));
      });
      if (FINISHED.includes(exitCode)) return { exitCode, said };
      throw ApplicationFailure.create({
        type: 'EtlFailed',
        message: `despachante etl has ended with ${exitCode}: ${said}`,
        nonRetryable: FINAL.includes(exitCode) && !told.aborted,
      });
    }),
});
