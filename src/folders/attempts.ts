/** What is known of the last attempt of a file, in a small file under its id: that it began, and what was answered. */
import { open, readFile, rm, writeFile } from 'node:fs/promises';
import { synced } from './durable.ts';
import { codeOf } from './scan.ts';

export function attemptsIn(folder: string) {
  const fileOf = (id: string): string => `${folder}/${id}`;

  /** An empty object where there is nothing that can be read. */
  async function read(id: string): Promise<object> {
    const value: unknown = JSON.parse(await readFile(fileOf(id), 'utf8'));
    return typeof value === 'object' && value !== null ? value : {};
  }

  return {
    /** On the disk before anything is sent. @throws what the file system throws */
    async begin(id: string): Promise<void> {
      const file = await open(fileOf(id), 'w');
      try {
        await file.writeFile(JSON.stringify({ begunAt: new Date() }));
        await file.sync();
      } finally {
        await file.close();
      }
      await synced(folder);
    },
    answered: (id: string, told: object): Promise<void> =>
      writeFile(fileOf(id), JSON.stringify(told)),
    forget: (id: string): Promise<void> => rm(fileOf(id), { force: true }),
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
