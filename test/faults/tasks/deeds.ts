/** What a message of a scenario has its handler do, and how it is to end. */
import type { TaskFailure } from '../../../src/domain/tasks.ts';

/** A fault delays tasks, and fails none. */
export type End = 'done' | TaskFailure;

export const ENDS = {
  done: 'done',
  'fail-twice': 'done',
  slow: 'done',
  fail: 'exhausted',
  refuse: 'permanent',
  large: 'permanent',
  exit: 'crashed',
  block: 'timeout',
  hang: 'timeout',
} as const satisfies Record<string, End>;

export type Deed = keyof typeof ENDS;

export const isDeed = (word: unknown): word is Deed =>
  typeof word === 'string' && Object.hasOwn(ENDS, word);
