/** By Temporal, of the latest run under a workflow id. `closed`: however it ended. `unknown`: not known (any more). */
export type RunLife = 'running' | 'closed' | 'unknown';

export const isDead = (run: RunLife): boolean => run !== 'running';

/** What a run brought and, as far as its input tells, had not claimed; where nobody can read all of it, why. */
export interface Brought<Item> {
  items: Item[];
  unreadable?: string;
}
