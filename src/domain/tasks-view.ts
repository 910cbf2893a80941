/** Tasks of a run, as it tells of them. */
import type { Run } from './run.ts';
import type { TaskItem } from './tasks.ts';

/** Its answer to queries. */
export interface TasksView {
  open: {
    id: string;
    state: TaskItem['phase'];
    attempt: number | null;
    /** Null: after that of another task with its key. */
    nextStepAt: string | null;
  }[];
  settled: Run<TaskItem>['settled'];
}
