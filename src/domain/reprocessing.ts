/** When a failure is tried again without anybody's word: timeouts and used up attempts, after rests that double. Pure. */
import { TASK_FAILURES, isTransient } from './tasks.ts';

/** Between two looks, and the rest of a failure before its first redrive, ms; before the next it is twice as long. */
export const REDRIVEN_EACH_MS = 10 * 60_000;

/** @param generation how often it was redriven before @param restMs since it failed */
export const mayPassByItself = (failure: string, generation: number, restMs: number): boolean =>
  TASK_FAILURES.some((each) => each === failure && isTransient(each)) &&
  restMs >= REDRIVEN_EACH_MS * 2 ** generation;
