/**
 * Steps that are tried inside the workflow task: one at a time in a run, and nothing is decided while one is under way. The
 * SDK wakes a run for each local activity that ends, but hands a replay all that ended within one workflow task at once
 * (sdk-core's workflow_machines.rs): a run that had two under way would decide otherwise then, and disagree with its history
 * (docs/decisions/0008-local-first.md).
 */
import { TemporalFailure, isCancellation, workflowInfo } from '@temporalio/workflow';
import { LOCAL_BEGIN_MS } from '../src/domain/timing.ts';

export interface LocalAttempts {
  /** Whether one may begin now: none is under way, and the workflow task has not lasted for long. */
  mayBegin(): boolean;
  /** Whether the run may go on deciding what to do. */
  areOver(): boolean;
  /** Tries it here, and where that fails, outside. */
  first<T>(quick: () => Promise<T>, durable: () => Promise<T>): Promise<T>;
}

/** @param isOn whether steps are tried inside the workflow task at all */
export function localAttempts(isOn: boolean): LocalAttempts {
  let underWay = 0;
  let task = { historyLength: -1, began: 0 };
  return {
    mayBegin() {
      const { historyLength } = workflowInfo();
      if (historyLength !== task.historyLength) task = { historyLength, began: Date.now() };
      return isOn && underWay === 0 && Date.now() - task.began < LOCAL_BEGIN_MS;
    },
    areOver: () => underWay === 0,
    async first(quick, durable) {
      underWay += 1;
      try {
        return await quick();
      } catch (error) {
        // Of a local activity the SDK hands over what it threw, with no ActivityFailure around it; of one that timed out
        // it hands over an ActivityFailure, and to a replay the bare TimeoutFailure.
        if (!(error instanceof TemporalFailure) || isCancellation(error)) throw error;
      } finally {
        underWay -= 1;
      }
      return durable();
    },
  };
}
