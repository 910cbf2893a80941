/** By Temporal, of the latest run under a workflow id. `closed`: however it ended. `unknown`: not known (any more). */
export type RunLife = 'running' | 'closed' | 'unknown';

export const isDead = (run: RunLife): boolean => run !== 'running';
