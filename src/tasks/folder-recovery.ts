/**
 * Brings what lies in `sending` together with its claims: at the start, and where a folder has come back. While it was away another
 * one may have stood in its place, in which tasks found nothing of theirs, and ended.
 */
import { lstat } from 'node:fs/promises';
import { doneAs } from '../domain/folders.ts';
import { claimKey } from '../domain/names.ts';
import type { endsOf } from '../folders/ends.ts';
import { encodeFile, identityOf } from '../folders/identity.ts';
import { shownName } from '../folders/names.ts';
import { outgoingOf } from '../folders/outgoing.ts';
import type { Place } from '../folders/place.ts';
import { markerOf, type Ready } from '../folders/readiness.ts';
import { parkedIn, type Parked } from '../folders/recovery.ts';
import { taskIdOf } from '../folders/task-id.ts';
import type { Log } from '../runtime/log.ts';
import { idOf } from './call-of.ts';
import type { TaskClaim, TaskClaims } from './claims.ts';

interface Needs {
  folder: { name: string; ready: Ready };
  place: Place;
  ends: ReturnType<typeof endsOf>;
  claims: Pick<TaskClaims, 'find' | 'latest'>;
  log: Log;
}

const MOST_TOLD = 20;

/** Returns the files of tasks that found them gone: they are to be sent after all, under their ids. */
export async function recover({ folder, place, ends, claims, log }: Needs): Promise<Parked[]> {
  const { name: of, ready } = folder;
  const itemOf = ({ id, name }: Parked): string => `${of}/${taskIdOf(name, id)}`;
  const files = await parkedIn(place);
  const known = await claimsOf(files);
  const [back, ended, again]: [Parked[], Parked[], Parked[]] = [[], [], []];
  for (const file of files) {
    const claim = known.get(file.id);
    if (claim === undefined) back.push(file);
    // A marker goes with its file.
    else if (claim.settledAt !== null && claim.item === itemOf(file)) {
      const isGone = claim.outcome?.kind === 'done' && isUnsent(claim);
      (isGone ? again : ended).push(file);
      if (!isGone) await end(claim, file);
    }
  }
  for (const file of back) await place.back({ ...file, marker: null });
  const told = (some: Parked[]) => ({
    folder: of,
    count: some.length,
    files: some.slice(0, MOST_TOLD).map(({ name }) => shownName(name)),
  });
  if (back.length > 0)
    log.warn(
      { runbook: 'files-stay', ...told(back) },
      'Files that no claim knows went back to where they had been found',
    );
  if (ended.length > 0)
    log.warn(
      { runbook: 'files-stay', ...told(ended) },
      'Files that were left behind while their folder was away lie where they end',
    );
  if (again.length > 0)
    log.warn(
      { runbook: 'files-stay', ...told(again) },
      'Files that seemed gone while their folder was away are sent',
    );
  return again;

  /** The last one of each id. */
  async function claimsOf(some: readonly Parked[]): Promise<ReadonlyMap<string, TaskClaim>> {
    const first = await claims.find(some.map((file) => claimKey(itemOf(file), 0)));
    const all = new Map<string, TaskClaim>();
    for (const claim of first.values()) {
      const last = claim.settledAt === null ? null : await claims.latest(claim.item);
      all.set(idOf(claim).slice(-24), last ?? claim);
    }
    return all;
  }

  /** As when its task ended. */
  async function end({ outcome, attempts, result, ...claim }: TaskClaim, file: Parked) {
    const { id, name } = file;
    const stats = await lstat(place.parked(id, name), { bigint: true }).catch(() => null);
    if (stats === null || outcome === null) return;
    if (outcome.kind !== 'done')
      return ends.bury({
        ...{
          task: idOf(claim),
          attempts,
          at: outcome.at,
          body: encodeFile(of, identityOf(name, stats)),
        },
        ...{ class: outcome.class ?? outcome.kind, reason: outcome.reason ?? outcome.kind },
      });
    const marker = ready.kind === 'marker' ? markerOf(ready.name, name) : null;
    const to = doneAs(result) === 'changed' ? 'inbox' : 'done';
    await ends.publish(outgoingOf(of, { id, name, marker }, to));
  }
}

const isUnsent = ({ result }: TaskClaim): boolean =>
  !['sent', 'changed'].includes(doneAs(result) ?? '');
