/**
 * Steps that are tried inside the workflow task: one at a time in a run, and nothing is decided while one is under way. The
 * SDK wakes a run for each local activity that ends, but hands a replay all that ended within one workflow task at once
 * (sdk-core's workflow_machines.rs): a run that had two under way would decide otherwise then, and disagree with its history
 * (docs/decisions/0008-local-first.md).
 */
import { workflowInfo } from '@temporalio/workflow';
import type { Rules } from '../src/domain/registrations/batch.ts';

/** With 5 s for an attempt this stays below the 8 s after which the SDK prolongs the workflow task. */
const LATEST_BEGIN_MS = 2_000;

export interface LocalAttempts {
  /** Whether another one may begin now: none is under way, and the workflow task has not lasted for long. */
  mayBegin(): boolean;
  /** Whether the run may go on deciding what to do. */
  areOver(): boolean;
  /** Does one, and rejects as it does. */
  try<T>(attempt: () => Promise<T>): Promise<T>;
}

export function localAttempts(rules: Rules): LocalAttempts {
  const isAlone = rules.oneLocalAttempt === true;
  let underWay = 0;
  let task = { historyLength: -1, began: 0 };
  return {
    mayBegin() {
      if (!isAlone) return rules.localFirst;
      const { historyLength } = workflowInfo();
      if (historyLength !== task.historyLength) task = { historyLength, began: Date.now() };
      return rules.localFirst && underWay === 0 && Date.now() - task.began < LATEST_BEGIN_MS;
    },
    areOver: () => !isAlone || underWay === 0,
    async try(attempt) {
      underWay += 1;
      try {
        return await attempt();
      } finally {
        underWay -= 1;
      }
    },
  };
}
