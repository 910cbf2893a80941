/** What misconduct of a legacy system is: odd answers, and what must come of them. */
import { accept, done } from './answers.ts';
import type { Answer } from './hostile.ts';

/** Where a registration is when all has come to rest. */
export type End = 'registered' | 'rejected' | 'failed' | 'timed-out' | 'in doubt';

export interface Misconduct {
  what: string;
  /** What the first POSTs are answered, and the first GETs; after them it behaves. The last one may go on for ever. */
  posts?: Answer[];
  gets?: Answer[];
  forever?: boolean;
  end: End;
  /** POSTs that the legacy system must have seen, exactly. */
  sends: number;
}

/** What a system that behaves answers. */
export const GOOD: Misconduct = { what: 'nothing is wrong', end: 'registered', sends: 1 };

/** What a request of a registration under this misconduct is answered. */
export function answerTo(
  { posts = [], gets = [], forever = false }: Misconduct,
  method: 'POST' | 'GET',
  nth: number,
): Answer {
  const list = method === 'POST' ? posts : gets;
  const odd = list[nth] ?? (forever ? list.at(-1) : undefined);
  return odd ?? (method === 'POST' ? accept : done);
}
