/** When what failed for good is tried again without anybody's word: what may pass by itself, after rests that double. Pure. */
import { TASK_FAILURES, isTransient } from './tasks.ts';

/** How often what may pass by itself is redriven, and how long a failure rests before the first time; before the next twice as long. ms */
export const REDRIVEN_EACH_MS = 10 * 60_000;

/** @param generation how often it was redriven before @param restMs since it failed */
export const mayPassByItself = (failure: string, generation: number, restMs: number): boolean =>
  TASK_FAILURES.some((each) => each === failure && isTransient(each)) &&
  restMs >= REDRIVEN_EACH_MS * 2 ** generation;
