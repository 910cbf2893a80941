/** What is known of the last attempt of a file, in a small file under its id: that it began, and what was answered. */
import { readFile, rm, writeFile } from 'node:fs/promises';
import { synced } from '../runtime/durable.ts';
import { codeOf } from './scan.ts';

export function attemptsIn(folder: string) {
  const fileOf = (id: string): string => `${folder}/${id}`;
  const forget = (id: string): Promise<void> => rm(fileOf(id), { force: true });

  /** An empty object where there is nothing that can be read. */
  async function read(id: string): Promise<object> {
    const value: unknown = JSON.parse(await readFile(fileOf(id), 'utf8'));
    return typeof value === 'object' && value !== null ? value : {};
  }

  return {
    /** On the disk before anything is sent. @throws what the file system throws */
    async begin(id: string): Promise<void> {
      try {
        await writeFile(fileOf(id), JSON.stringify({ begunAt: new Date() }), { flush: true });
        await synced(folder);
      } catch (error) {
        // Nothing was sent: half a file would be a doubt.
        await forget(id);
        throw error;
      }
    },
    /** An answer that cannot be written down is forgotten: it is no doubt. @throws what the file system throws */
    answered: (id: string, told: object): Promise<void> =>
      writeFile(fileOf(id), JSON.stringify(told)).catch(() => forget(id)),
    forget,
    /** Whether one has begun, and nobody knows what came of it. @throws what the file system throws */
    isUnknown: (id: string): Promise<boolean> =>
      read(id).then(
        (known) => !('status' in known),
        (error: unknown) => {
          if (error instanceof SyntaxError) return true;
          if (codeOf(error) === 'ENOENT') return false;
          throw error;
        },
      ),
    /** For people: where it cannot be read nothing else is lost. */
    told: (id: string): Promise<object> => read(id).catch(() => ({})),
  };
}
