/** Waits for calls that this process still runs: its task queue is of this process alone. */
import type { HandleAnswer } from '../../src/domain/tasks.ts';
import type { Taken } from '../../src/domain/run.ts';
import { createGathering } from '../gathering.ts';
import { withHeartbeat } from '../heartbeat.ts';
import type { TaskDependencies } from './dependencies.ts';
import type { HandleRequest } from './handle.ts';
import { recordedAnswer } from './recorded.ts';

export function createFollow({
  process,
  claims,
  running,
}: Pick<TaskDependencies, 'process' | 'claims' | 'running'>) {
  return (requests: HandleRequest[]): Promise<(HandleAnswer | Taken)[]> =>
    withHeartbeat(async (liveness) => {
      const gathering = createGathering<HandleRequest, HandleAnswer>();
      const ended: HandleRequest[] = [];
      for (const request of requests) {
        const answer = running.find(request);
        if (answer === undefined) ended.push(request);
        else gathering.await(request, answer);
      }
      if (ended.length > 0 || liveness.signal.aborted) gathering.hasAnswer();
      liveness.signal.addEventListener('abort', gathering.hasAnswer, { once: true });
      const found = await claims.find(ended.map(({ claim }) => claim));
      await gathering.isOver();
      const { answers, open, failed } = gathering.taken();
      return [
        ...answers,
        ...ended.map(
          (request) => recordedAnswer(request, found.get(request.claim)) ?? interrupted(request),
        ),
        ...failed.map(interrupted),
        ...open.map(({ index }): HandleAnswer => ({ index, kind: 'running', process })),
      ];
    });
}

/** It is handled again. */
const interrupted = ({ index }: HandleRequest): HandleAnswer => ({ index, kind: 'interrupted' });
