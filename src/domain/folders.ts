/** Names of collected folders that several parts agree on. */

/** Everything of ours in a folder is below it, but the outcomes. */
export const ROOM = '.despachante';
export const SENDING = 'sending';
export const ANSWERS = 'answers';

/** Where a file ends; `inbox`: it goes back under its name. */
export const OUTCOME_FOLDERS = ['done', 'refused', 'gaveup'] as const;
export type OutcomeFolder = (typeof OUTCOME_FOLDERS)[number];

/** What became of a file that is done, as the result of its task. */
const DONE_AS = ['sent', 'changed', 'gone'] as const;
export type DoneAs = (typeof DONE_AS)[number];

/** As the result of a file begins, in its claim. */
const resultBegins = (as: DoneAs): string => `{"as":"${as}"`;
export const SENT_RESULT = resultBegins('sent');

/** Null where the result says none of it. */
export const doneAs = (result: string | null | undefined): DoneAs | null =>
  DONE_AS.find((as) => result?.startsWith(resultBegins(as)) === true) ?? null;

/** The class of a failure whose time was over. */
export const GAVE_UP = 'gave-up';

/** That of a file of which nobody knows whether its receiver has it. */
export const IN_DOUBT = 'in-doubt';

/** The task queues of folders are of one machine: what it collects is there alone. */
export const hostQueue = (taskQueue: string, host: string): string => `${taskQueue}@${host}`;
