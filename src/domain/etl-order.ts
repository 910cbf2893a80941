/** A list that is run by a schedule: the command line of it, and what came of a run. */

export interface EtlOrder {
  /** Of `despachante etl`, without those two words. */
  args: string[];
  /** Where it runs: paths are relative to that. */
  folder: string;
}

export type EtlWhen = { everyMs: number } | { cron: string; timeZone: string };

export interface EtlEnded {
  exitCode: number;
  /** The end of what it has said. */
  said: string;
}

export const etlQueue = (taskQueue: string, host: string): string => `${taskQueue}/etl@${host}`;

/** One for each name and task queue. Its runs are named so, with the time behind it. */
export const etlScheduleId = (taskQueue: string, name: string): string =>
  `etl/${taskQueue}/${name}`;

/** The name of the schedule, from the id of a run of it. */
export const etlScheduleOf = (taskQueue: string, workflowId: string): string =>
  workflowId.slice(etlScheduleId(taskQueue, '').length).replace(/-\d{4}-\d\d-\d\dT[\d:.]+Z$/, '');
