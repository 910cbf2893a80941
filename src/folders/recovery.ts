/** At the start: what lies in `sending` belongs to claims, and what has none goes back to where it was found. */
import { readdir } from 'node:fs/promises';
import { pathIn, readParked } from './names.ts';
import type { Place } from './place.ts';

/**
 * Returns the names that went back.
 * @param isClaimed of these ids, those that have a claim
 */
export async function recover(
  place: Place,
  claimed: (files: { id: string; name: string }[]) => Promise<ReadonlySet<string>>,
): Promise<string[]> {
  const found: { id: string; name: string }[] = [];
  for (const entry of await readdir(place.sending, 'latin1')) {
    const parked = readParked(entry);
    if (parked === null) continue;
    if (parked.name !== '') found.push(parked);
    else
      for (const name of await readdir(pathIn(place.sending, entry), 'latin1'))
        found.push({ id: parked.id, name });
  }
  const known = found.length === 0 ? new Set<string>() : await claimed(found);
  const back = found.filter(({ id }) => !known.has(id));
  for (const { id, name } of back) await place.back({ id, name, marker: null });
  return back.map(({ name }) => name);
}
