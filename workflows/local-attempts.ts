/**
 * Steps that are tried inside the workflow task: one at a time in a run, which decides nothing meanwhile. The SDK wakes a run
 * for each local activity that ends, but gives a replay all that ended within one workflow task at once (sdk-core's
 * workflow_machines.rs): a run with two under way would decide otherwise in a replay (docs/decisions/0008-local-first.md).
 */
import { TemporalFailure, isCancellation, workflowInfo } from '@temporalio/workflow';
import { LOCAL_BEGIN_MS } from '../src/domain/timing.ts';

export type LocalAttempts = ReturnType<typeof localAttempts>;

export function localAttempts(isOn: boolean) {
  let underWay = 0;
  let task = { historyLength: -1, began: 0 };
  return {
    /** Whether one may begin now: none is under way, and the workflow task has not lasted for long. */
    mayBegin(): boolean {
      const { historyLength } = workflowInfo();
      if (historyLength !== task.historyLength) task = { historyLength, began: Date.now() };
      return isOn && underWay === 0 && Date.now() - task.began < LOCAL_BEGIN_MS;
    },
    /** Whether the run may decide what to do next. */
    areOver: () => underWay === 0,
    /** Tries it here, and where that fails, outside. */
    async first<T>(quick: () => Promise<T>, durable: () => Promise<T>): Promise<T> {
      underWay += 1;
      try {
        return await quick();
      } catch (error) {
        // The SDK throws the bare error of a local activity; of one that timed out an ActivityFailure, and in a replay the bare
        // TimeoutFailure.
        if (!(error instanceof TemporalFailure) || isCancellation(error)) throw error;
      } finally {
        underWay -= 1;
      }
      return durable();
    },
  };
}
