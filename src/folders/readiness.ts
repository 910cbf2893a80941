/**
 * Which files of a folder are ready, by what was seen of them look after look. Times of files are never compared with a clock: copies
 * keep old times, and the clocks of servers differ. Their age counts from our first sight of them. Pure, but for the state.
 */
import { isSame, type Identity } from './identity.ts';

export type Ready =
  | { kind: 'quiet'; ms: number }
  | { kind: 'rename' }
  /** The name of the file that must lie beside it, with `{name}` in it. */
  | { kind: 'marker'; name: string };

interface Sighting {
  identity: Identity;
  /** By our clock. */
  since: number;
  looks: number;
  look: number;
  /** It was another one at the look before. */
  hasChanged: boolean;
}

export const markerOf = (pattern: string, name: string): string =>
  pattern.replaceAll('{name}', name);

/** Whether it is the marker of something, and so no file to send. */
export function isMarker(pattern: string, name: string): boolean {
  const [before = '', after = ''] = pattern.split('{name}');
  const isLonger = name.length > before.length + after.length;
  return isLonger && name.startsWith(before) && name.endsWith(after);
}

export type Watched = ReturnType<typeof watchFiles>;

/** @param most as many are remembered at a time; where more are not ready, they take turns in the order in which the folder lists them */
export function watchFiles(ready: Ready, most: number) {
  const sightings = new Map<string, Sighting>();
  let look = 0;
  /** So many more can be remembered in this look: from that name on for which there was no room at the last one. */
  let room = 0;
  let turn: string | null = null;
  let isTurn = true;
  /** The first name for which there is no room. */
  let stoppedAt: string | null = null;

  return {
    begin(): void {
      look += 1;
      room = most - sightings.size;
      isTurn = turn === null;
      stoppedAt = null;
    },
    /** Whether more than its name is to be known. Only to see whether it comes to rest it must be remembered. */
    isWatched(name: string): boolean {
      if (ready.kind !== 'quiet' || sightings.has(name)) return true;
      isTurn ||= name === turn;
      if (!isTurn) return false;
      if (room <= 0) stoppedAt ??= name;
      else room -= 1;
      return stoppedAt === null;
    },
    /** Takes note of a file. The first sight of it where it is ready, else null. @param now ms of a clock that nobody sets */
    see(identity: Identity, now: number, hasMarker: boolean): { since: number } | null {
      const before = sightings.get(identity.name);
      const isStill = before !== undefined && isSame(before.identity, identity);
      const since = isStill ? before.since : now;
      const looks = isStill ? before.looks + (before.look === look ? 0 : 1) : 1;
      const hasChanged = before !== undefined && !isStill;
      if (before !== undefined || sightings.size < most)
        sightings.set(identity.name, { identity, since, looks, look, hasChanged });
      switch (ready.kind) {
        case 'rename':
          return { since };
        case 'marker':
          return hasMarker ? { since } : null;
        case 'quiet':
          return looks >= 2 && now - since >= ready.ms ? { since } : null;
      }
    },
    forget: (name: string): void => void sightings.delete(name),
    /** Ends a look: what was not seen in it is gone. What has changed begins anew in any case, so it makes room where others wait for that. */
    end(): void {
      for (const [name, sighting] of sightings)
        if (sighting.look !== look || (stoppedAt !== null && sighting.hasChanged))
          sightings.delete(name);
      turn = stoppedAt;
    },
    /** Those that are not ready, the longest first seen first. */
    waiting: (): { name: string; since: number }[] =>
      [...sightings.values()].map(({ identity: { name }, since }) => ({ name, since })),
    count: (): number => sightings.size,
  };
}
