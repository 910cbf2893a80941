/**
 * Order by key: tasks of one key are handled one after the other, as they came. Each key has its lane, a run of tasks that takes more
 * while it is open, and in it they are a chain, of which the first goes on and the others wait (docs/decisions/0021-key-order.md).
 * Pure.
 */
import type { Run, RunItem } from './run.ts';

/** Of a worker. Another number would give keys to other lanes while tasks of theirs are open. */
const LANES = 16;
/** Open ones: a lane goes on as a new run with them, and Temporal takes 2 MB for that. */
const MOST_IN_LANE = 1_000;

interface Chained extends RunItem {
  phase: string;
  chain?: string;
  claim?: string;
}

/** @param chain hexadecimal digits, eight or more */
export const laneOf = (chain: string): number => Number.parseInt(chain.slice(0, 8), 16) % LANES;

/** The workflow id. @param taskQueue of the worker's runs */
export const laneId = (taskQueue: string, lane: number): string =>
  `tasks/${taskQueue}/lane-${lane}`;

export const isLaneId = (taskQueue: string, workflowId: string): boolean =>
  workflowId.startsWith(`tasks/${taskQueue}/lane-`);

/**
 * An item that is not claimed yet waits for nobody, since others may have it, but the next of its key waits for it. One that has failed for good is out of its chain:
 * the key goes on, though the dead letters are away. Only a copy of it waits, and finds it settled.
 */
export function inTurn<I extends Chained>(items: readonly I[]): I[] {
  const met = new Set<string>();
  const isFirst = (name: string): boolean => !met.has(name) && met.add(name).has(name);
  return items.filter(({ chain, phase, claim = '' }) => {
    if (chain === undefined) return true;
    if (phase === 'bury') return isFirst(claim);
    const isNext = isFirst(chain);
    return phase === 'claim' || (isNext && !met.has(claim));
  });
}

/**
 * Whether a lane takes so many more now: what is not claimed has its message with it, and one batch of those is enough to carry.
 */
export const hasRoom = ({ items, cancelling }: Run<Chained>, more: number): boolean =>
  !cancelling &&
  items.length + more <= MOST_IN_LANE &&
  items.every(({ phase }) => phase !== 'claim');
