/** Which dialog is open, and on what. One at a time. */
import type { Choice, Doubt, Failure } from './types.ts';

export type Dialog =
  /** `waiting`: as the list said; `title`: in people's words. */
  | { kind: 'redrive' | 'drop'; choice: Choice; title: string; waiting: number }
  | { kind: 'decide'; doubts: Doubt[] }
  /** `flow`: null for everything. */
  | { kind: 'pause' | 'resume'; flow: string | null }
  | { kind: 'limits' }
  | { kind: 'audit'; flow: string }
  | { kind: 'stop'; flow: string }
  | { kind: 'reveal'; flow: string; record: NonNullable<Failure['record']> }
  | { kind: 'help' };
