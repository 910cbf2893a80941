/** The places of one folder, and how files move between them. Each move may be made again: what has moved already stays. */
import { lstat, mkdir, rename, rm, stat, writeFile } from 'node:fs/promises';
import { ANSWERS, OUTCOME_FOLDERS, ROOM, SENDING, type OutcomeFolder } from '../domain/folders.ts';
import { failpoint } from '../runtime/failpoint.ts';
import { synced } from './durable.ts';
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
  }

  const parked = (id: string, name: string): Buffer => pathIn(sending, ...parkedAs(id, name));

  /** Moves without overwriting. False where it is not there. @throws EEXIST; what the file system throws */
  async function moveNew(from: Buffer, to: Buffer): Promise<boolean> {
    try {
      await lstat(to);
    } catch (error) {
      if (codeOf(error) !== 'ENOENT') throw error;
      return renamed(from, to);
    }
    throw Object.assign(new Error('a file of that name is there already'), { code: 'EEXIST' });
  }

  return {
    path,
    ...{ sending, answers, prepare, parked },
    inbox: (name: string): Buffer => pathIn(path, name),
    /** Whether our own folder is there: one that is unmounted has lost nothing. */
    isThere: (): Promise<boolean> =>
      stat(sending).then(
        () => true,
        () => false,
      ),

    /** Out of everybody's sight. False where it is not there. */
    async park(id: string, name: string, from = pathIn(path, name)): Promise<boolean> {
      const to = parked(id, name);
      if (parkedAs(id, name).length > 1)
        await mkdir(pathIn(sending, `${id}~`), { recursive: true });
      return renamed(from, to);
    },

    /** From `sending` to where it ends, durably. False where it is not there. */
    async keep(
      { id, name, marker }: Kept,
      folder: OutcomeFolder,
      day: string | null,
    ): Promise<boolean> {
      const to = day === null ? `${path}/${folder}` : `${path}/${folder}/${day}`;
      const move = () => renamed(parked(id, name), pathIn(to, keptAs(id, name)));
      // The folder may be new today, or somebody has removed it.
      const isMoved = (await move()) || (await mkdir(to, { recursive: true }), await move());
      if (marker !== null) await renamed(parked(id, marker), pathIn(to, keptAs(id, marker)));
      failpoint('file-moved');
      await left(id, name);
      await Promise.all([synced(to), synced(sending)]);
      return isMoved;
    },

    /** Where it was kept, under the id. Null where it is not. */
    async kept(id: string, name: string): Promise<Buffer | null> {
      for (const folder of ['refused', 'gaveup']) {
        const file = pathIn(`${path}/${folder}`, keptAs(id, name));
        if (
          await lstat(file).then(
            () => true,
            () => false,
          )
        )
          return file;
      }
      return null;
    },

    /** For a person, beside the file. */
    async tellWhy(id: string, name: string, folder: OutcomeFolder, why: object): Promise<void> {
      const file = pathIn(`${path}/${folder}`, `${keptAs(id, name)}${REASON}`);
      await writeFile(file, `${JSON.stringify(why, null, 2)}\n`);
    },
    forgetWhy: (id: string, name: string): Promise<void[]> =>
      Promise.all(
        ['refused', 'gaveup'].map((folder) =>
          rm(pathIn(`${path}/${folder}`, `${keptAs(id, name)}${REASON}`), { force: true }),
        ),
      ),

    async remove({ id, name, marker }: Kept): Promise<void> {
      for (const each of marker === null ? [name] : [name, marker])
        await rm(parked(id, each), { force: true });
      await left(id, name);
      await synced(sending);
    },

    /** Back to where it was found; beside a newer file of its name, under one of ours. */
    async back({ id, name, marker }: Kept): Promise<void> {
      for (const each of marker === null ? [name] : [name, marker])
        await moveNew(parked(id, each), pathIn(path, each)).catch((error: unknown) => {
          if (codeOf(error) !== 'EEXIST') throw error;
          return renamed(parked(id, each), pathIn(path, keptAs(id, each)));
        });
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
async function renamed(from: Buffer, to: Buffer): Promise<boolean> {
  try {
    await rename(from, to);
    return true;
  } catch (error) {
    if (codeOf(error) === 'ENOENT') return false;
    throw error;
  }
}
