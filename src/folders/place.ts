/** The places of one folder, and how files move between them. Each move may be made again: what has moved already stays. */
import { lstat, mkdir, rename, rm, stat } from 'node:fs/promises';
import { ANSWERS, OUTCOME_FOLDERS, ROOM, SENDING, type OutcomeFolder } from '../domain/folders.ts';
import { synced, writeWhole } from '../runtime/durable.ts';
import { failpoint } from '../runtime/failpoint.ts';
import { REASON, keptAs, parkedAs, pathIn } from './names.ts';
import { codeOf } from './scan.ts';

export type Place = ReturnType<typeof placeOf>;

export interface Kept {
  id: string;
  name: string;
  /** Its marker, where it had one. */
  marker: string | null;
}

export function placeOf(path: string) {
  const room = `${path}/${ROOM}`;
  const sending = `${room}/${SENDING}`;
  const answers = `${room}/${ANSWERS}`;
  /** Which folder it is: while it is away another one may stand in its place, and have all of its names. */
  let known: string | null = null;

  const whichIsThere = (): Promise<string | null> =>
    stat(sending).then(
      ({ dev, ino }) => `${dev}/${ino}`,
      () => null,
    );

  /** Whether it is the folder that was prepared, or that was there first. */
  async function isThere(): Promise<boolean> {
    const now = await whichIsThere();
    known ??= now;
    return now !== null && now === known;
  }

  /** @throws Error with the remedy where the folder is not there, or an outcome folder is on another disk */
  async function prepare(): Promise<void> {
    const { dev } = await stat(path);
    const folders = [sending, answers, ...OUTCOME_FOLDERS.map((name) => `${path}/${name}`)];
    for (const folder of folders) {
      await mkdir(folder, { recursive: true }).catch((cause: unknown) => {
        if (codeOf(cause) !== 'EEXIST') throw cause;
        throw new Error(
          `${folder} is a file, and files that are through go to a folder of that name: rename it`,
          { cause },
        );
      });
      if ((await stat(folder)).dev !== dev)
        throw new Error(
          `${folder} is on another file system than ${path}, and files cannot be renamed to there: unmount it, or make it an ordinary folder`,
        );
    }
    known = await whichIsThere();
  }

  const parked = (id: string, name: string): Buffer => pathIn(sending, ...parkedAs(id, name));

  /** Moves without overwriting. @throws EEXIST; what the file system throws */
  async function moveNew(from: Buffer, to: Buffer): Promise<void> {
    if (await found(() => lstat(to)))
      throw Object.assign(new Error('a file of that name is there already'), { code: 'EEXIST' });
    await rename(from, to);
  }

  /**
   * Does what has not been done before: then its file is not there.
   * @throws Error while the folder is away, or another one is in its place; what the file system throws
   */
  async function once(work: () => Promise<void>, before?: () => Promise<unknown>): Promise<void> {
    if (await found(work)) return;
    if (!(await isThere()))
      throw new Error(`${path} is away, or another folder is in its place: bring it back`);
    await before?.();
    // It may have come back just now.
    await found(work);
  }

  return {
    path,
    ...{ sending, answers, prepare, parked },
    inbox: (name: string): Buffer => pathIn(path, name),
    isThere,

    /** Out of everybody's sight. False where it is not there. */
    async park(id: string, name: string, from = pathIn(path, name)): Promise<boolean> {
      const to = parked(id, name);
      if (parkedAs(id, name).length > 1)
        await mkdir(pathIn(sending, `${id}~`), { recursive: true });
      return found(() => rename(from, to));
    },

    /** From `sending` to where it ends, durably. */
    async keep({ id, name, marker }: Kept, folder: OutcomeFolder, day: string | null) {
      const to = day === null ? `${path}/${folder}` : `${path}/${folder}/${day}`;
      const move = (each: string) => rename(parked(id, each), pathIn(to, keptAs(id, each)));
      // The folder may be new today, or somebody has removed it.
      await once(
        () => move(name),
        () => mkdir(to, { recursive: true }),
      );
      if (marker !== null) await found(() => move(marker));
      failpoint('file-moved');
      await left(id, name);
      await Promise.all([synced(to), synced(sending)]);
    },

    /** Where it was kept, under the id. Null where it is not. */
    async kept(id: string, name: string): Promise<Buffer | null> {
      for (const folder of ['refused', 'gaveup']) {
        const file = pathIn(`${path}/${folder}`, keptAs(id, name));
        if (await found(() => lstat(file))) return file;
      }
      return null;
    },

    /** For a person, beside the file. */
    async tellWhy(id: string, name: string, folder: OutcomeFolder, why: object): Promise<void> {
      const file = pathIn(`${path}/${folder}`, `${keptAs(id, name)}${REASON}`);
      await writeWhole(file, `${JSON.stringify(why, null, 2)}\n`, `${room}/${id}${REASON}`);
    },
    forgetWhy: (id: string, name: string): Promise<void[]> =>
      Promise.all(
        ['refused', 'gaveup'].map((folder) =>
          rm(pathIn(`${path}/${folder}`, `${keptAs(id, name)}${REASON}`), { force: true }),
        ),
      ),

    async remove({ id, name, marker }: Kept): Promise<void> {
      await once(() => rm(parked(id, name)));
      if (marker !== null) await rm(parked(id, marker), { force: true });
      await left(id, name);
      await synced(sending);
    },

    /** Back to where it was found; beside a newer file of its name, under one of ours. */
    async back({ id, name, marker }: Kept): Promise<void> {
      const move = (each: string) =>
        moveNew(parked(id, each), pathIn(path, each)).catch((error: unknown) => {
          if (codeOf(error) !== 'EEXIST') throw error;
          return rename(parked(id, each), pathIn(path, keptAs(id, each)));
        });
      await once(() => move(name));
      if (marker !== null) await found(() => move(marker));
      await left(id, name);
      await Promise.all([synced(path), synced(sending)]);
    },
  };

  /** The folder of a name that is too long. */
  async function left(id: string, name: string): Promise<void> {
    if (parkedAs(id, name).length > 1)
      await rm(pathIn(sending, `${id}~`), { recursive: true, force: true });
  }
}

/** False where there is nothing. @throws what the file system throws otherwise */
async function found(work: () => Promise<unknown>): Promise<boolean> {
  try {
    await work();
    return true;
  } catch (error) {
    if (codeOf(error) === 'ENOENT') return false;
    throw error;
  }
}
