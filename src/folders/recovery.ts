/** What lies in `sending` when a collector comes to a folder. */
import { readdir } from 'node:fs/promises';
import { pathIn, readParked } from './names.ts';
import type { Place } from './place.ts';

export interface Parked {
  /** Of its task; a marker has that of its file. */
  id: string;
  name: string;
}

export async function parkedIn({ sending }: Pick<Place, 'sending'>): Promise<Parked[]> {
  const found: Parked[] = [];
  for (const entry of await readdir(sending, 'latin1')) {
    const parked = readParked(entry);
    if (parked === null) continue;
    if (parked.name !== '') found.push(parked);
    else
      for (const name of await readdir(pathIn(sending, entry), 'latin1'))
        found.push({ id: parked.id, name });
  }
  return found;
}
