/** The sum for a worker: what was published, or claimed = done + dead + dropped + open + waiting, each once. Pure. */
import { malformedKey } from '../names.ts';

export interface AuditedTask {
  key: string;
  /** `<worker>/<id>` */
  item: string;
  generation: number;
  conflict: boolean;
  bodyHash: string;
  /** How it ended; null where it is open. */
  end: string | null;
  gone: 'redriven' | 'dropped' | 'taken' | null;
  /** It is open, and its run has ended; or it was redriven, and nobody has claimed it since. */
  isStranded: boolean;
}

export interface TaskAuditInput {
  worker: string;
  claims: readonly AuditedTask[];
  /** What never was a task, by `malformedKey`, and whether it was dropped. */
  malformed: ReadonlyMap<string, { isDropped: boolean }>;
  /** By a ledger; null without one. */
  published: readonly { id: string | null; hash: string }[] | null;
  /** In the queue or topic; null where that cannot be said. */
  waiting: number | null;
}

export type TaskAudit = ReturnType<typeof auditTasks>;

export function auditTasks({ worker, claims, malformed, published, waiting }: TaskAuditInput) {
  const chains = Map.groupBy(claims, (claim) => (claim.conflict ? claim.key : claim.item));
  const idOf = (item: string): string => item.slice(worker.length + 1);
  const sum = { done: 0, dead: 0, dropped: 0, open: 0 };
  const doneTwice: string[] = [];
  const stranded: string[] = [];
  for (const all of chains.values()) {
    const last = all.reduce((a, b) => (b.generation > a.generation ? b : a));
    // One that was done without an effect has given way to the next.
    const done = all.filter(({ end, gone }) => end === 'done' && gone !== 'redriven');
    if (done.length > 1) doneTwice.push(idOf(last.item));
    if (all.some(({ isStranded }) => isStranded)) stranded.push(idOf(last.item));
    sum[placeOf(last)] += 1;
  }
  for (const { isDropped } of malformed.values()) sum[isDropped ? 'dropped' : 'dead'] += 1;
  const distinct = new Map(published?.map((each) => [`${each.id ?? ''} ${each.hash}`, each]));
  const bodies = new Set(claims.map(({ item, bodyHash }) => `${item} ${bodyHash}`));
  const hashes = new Set(claims.map(({ bodyHash }) => bodyHash));
  const isKnown = ({ id, hash }: { id: string | null; hash: string }): boolean =>
    malformed.has(malformedKey(hash)) ||
    (id === null ? hashes.has(hash) : bodies.has(`${worker}/${id} ${hash}`));
  const missing = [...distinct.values()].filter((each) => !isKnown(each));
  // What is nowhere may be among what waits: that nothing is lost is proven when nothing waits.
  const isProven = published === null || waiting !== null;
  const lost = missing.length > (waiting ?? 0) ? missing.map(({ id, hash }) => id ?? hash) : [];
  return {
    worker,
    /** Distinct messages of the ledger; null without one. */
    published: published === null ? null : distinct.size,
    tasks: chains.size + malformed.size,
    ...sum,
    waiting,
    ...{ lost, doneTwice, stranded },
    holds: isProven && lost.length + doneTwice.length + stranded.length === 0,
  };
}

/** One that was redriven and has no next generation yet is on its way to its run. */
function placeOf({ end, gone }: AuditedTask): 'done' | 'dead' | 'dropped' | 'open' {
  if (end === 'done') return 'done';
  if (end === null || gone === 'redriven') return 'open';
  return gone === 'dropped' ? 'dropped' : 'dead';
}
