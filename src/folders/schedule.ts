/**
 * Whose file is next, over all folders. `fair`: each folder has a share of the bytes by its weight, so that large files of one do not
 * hold up the small ones of another: the folder that has had least for its weight is next. `oldest`: what was seen first goes first.
 */

export type Order = 'fair' | 'oldest';

export interface Lane {
  name: string;
  weight: number;
  /** The file that it would send next. */
  next: { bytes: number; since: number };
}

/** A file costs so much besides its bytes: a thousand empty ones are work, too. */
export const FILE_BYTES = 4_096;

export function createSchedule(order: Order) {
  /** By folder: the cost of what it has had, divided by its weight; counted from `level` where it was away. */
  const had = new Map<string, number>();
  /** What the folder that was chosen last had had before: whoever was away begins there, and has nothing saved up. */
  let level = 0;

  const first = (lanes: readonly Lane[], of: (lane: Lane) => number): Lane | null =>
    lanes.reduce<Lane | null>(
      (best, lane) => (best === null || of(lane) < of(best) ? lane : best),
      null,
    );

  return {
    /** @param lanes those that have something to send; of equals the first is chosen */
    next(lanes: readonly Lane[]): string | null {
      if (order === 'oldest') return first(lanes, ({ next }) => next.since)?.name ?? null;
      const startOf = ({ name }: Lane): number => Math.max(had.get(name) ?? 0, level);
      const chosen = first(lanes, startOf);
      if (chosen === null) return null;
      level = startOf(chosen);
      had.set(chosen.name, level + (chosen.next.bytes + FILE_BYTES) / chosen.weight);
      return chosen.name;
    },
    /** A folder that is gone. */
    forget: (name: string): void => void had.delete(name),
  };
}
