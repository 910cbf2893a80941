/** Takes hold of a file that is to be sent: out of everybody's sight, open, and the one that was claimed. */
import { constants, type BigIntStats } from 'node:fs';
import { lstat, open, type FileHandle } from 'node:fs/promises';
import { identityOf, isSame, isSameContent, type Identity } from './identity.ts';
import type { Place } from './place.ts';
import { codeOf } from './scan.ts';

/**
 * `changed`: not the file that was claimed; `isParked` where it is to go back. `gone`: nowhere. `not-now`: what the system says, which
 * may pass.
 */
export type Grip =
  | { kind: 'held'; file: FileHandle; stats: BigIntStats }
  | { kind: 'changed'; isParked: boolean; why: string }
  | { kind: 'gone' }
  | { kind: 'not-now'; why: string };

/** No link is followed, and no pipe waited for. */
const READ = constants.O_RDONLY | constants.O_NOFOLLOW | constants.O_NONBLOCK;

/** @param id of the file @param marker lies beside it, and comes along */
export async function gripOf(
  place: Place,
  id: string,
  identity: Identity,
  marker: string | null,
): Promise<Grip> {
  const { name } = identity;
  const parked = place.parked(id, name);
  try {
    if (await isAt(parked)) return await held(parked, identity);
    const before = await lstat(place.inbox(name), { bigint: true }).catch(nothing);
    if (before === null) {
      // A redrive finds it where it has ended.
      const kept = await place.kept(id, name);
      if (kept === null) return (await place.isThere()) ? { kind: 'gone' } : AWAY;
      if (!(await place.park(id, name, kept))) return { kind: 'gone' };
      await place.forgetWhy(id, name);
      return await held(parked, identity);
    }
    if (!before.isFile() || !isSame(identityOf(name, before), identity))
      return { kind: 'changed', isParked: false, why: 'it was changed or replaced' };
    if (!(await place.park(id, name))) return (await place.isThere()) ? { kind: 'gone' } : AWAY;
    if (marker !== null) await place.park(id, marker);
    return await held(parked, identity);
  } catch (error) {
    const code = codeOf(error);
    if (code === 'ELOOP') return { kind: 'changed', isParked: true, why: 'it is a link now' };
    return { kind: 'not-now', why: `the system says ${code}` };
  }
}

const AWAY: Grip = { kind: 'not-now', why: 'the folder is away' };

async function held(parked: Buffer, identity: Identity): Promise<Grip> {
  const file = await open(parked, READ);
  let isHeld = false;
  try {
    const stats = await file.stat({ bigint: true });
    const isMeant = stats.isFile() && isSameContent(identityOf(identity.name, stats), identity);
    if (!isMeant) return { kind: 'changed', isParked: true, why: 'it was changed or replaced' };
    isHeld = true;
    return { kind: 'held', file, stats };
  } finally {
    if (!isHeld) await file.close();
  }
}

const isAt = (file: Buffer): Promise<boolean> =>
  lstat(file).then(
    () => true,
    (error: unknown) => (nothing(error), false),
  );

/** @throws any other error than that there is nothing */
function nothing(error: unknown): null {
  if (codeOf(error) !== 'ENOENT') throw error;
  return null;
}
