import { createFollow } from './follow.ts';
import { createHandle } from './handle.ts';
import { createTaskClaim } from './claim.ts';
import { createTaskSettle } from './settle.ts';
import type { TaskDependencies } from './dependencies.ts';

export type TaskActivities = ReturnType<typeof createTaskActivities>;

export function createTaskActivities(dependencies: TaskDependencies) {
  return {
    claimTasks: createTaskClaim(dependencies),
    handleTasks: createHandle(dependencies),
    followTasks: createFollow(dependencies),
    ...createTaskSettle(dependencies),
  };
}
