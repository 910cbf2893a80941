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

/** @param most as many are watched at a time */
export function watchFiles(ready: Ready, most: number) {
  const sightings = new Map<string, Sighting>();
  let look = 0;

  return {
    begin: (): void => void (look += 1),
    /** Whether there is room for one more that was not seen before. */
    isWatched: (name: string): boolean => sightings.has(name) || sightings.size < most,
    /** Takes note of a file. The first sight of it where it is ready, else null. @param now ms of a clock that nobody sets */
    see(identity: Identity, now: number, hasMarker: boolean): { since: number } | null {
      const before = sightings.get(identity.name);
      const isStill = before !== undefined && isSame(before.identity, identity);
      const since = isStill ? before.since : now;
      const looks = isStill ? before.looks + (before.look === look ? 0 : 1) : 1;
      sightings.set(identity.name, { identity, since, looks, look });
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
    /** Ends a look: what was not seen in it is gone. */
    end(): void {
      for (const [name, sighting] of sightings) if (sighting.look !== look) sightings.delete(name);
    },
    /** Those that are not ready, the longest first seen first. */
    waiting: (): { name: string; since: number }[] =>
      [...sightings.values()].map(({ identity: { name }, since }) => ({ name, since })),
    count: (): number => sightings.size,
  };
}
