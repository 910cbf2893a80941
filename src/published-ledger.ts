/** The first ledger of an audit: what the broker confirmed, one JSON line each: `{"id": "reg-1", "sha256": "…"}`. */
import { once } from 'node:events';
import { createReadStream, createWriteStream } from 'node:fs';
import { finished } from 'node:stream/promises';
import { z } from 'zod';
import { bodyHashOf } from './body-hash.ts';
import { readJsonLines } from './json-lines.ts';

const entrySchema = z.object({
  id: z.string().nullable(),
  sha256: z.string().regex(/^[0-9a-f]{64}$/),
});

/** `id` is null where the message had none; `sha256` is of the raw bytes, hex. */
export type PublishedEntry = z.infer<typeof entrySchema>;

export interface PublishedLedger {
  add(message: { id: string | null; body: Buffer }): void;
  /** Resolves when everything is in the file. @throws Error when something could not be written */
  close(): Promise<void>;
}

/** Appends to a file, which is created when absent. @throws Error that names the file when it cannot be opened */
export async function openPublishedLedger(file: string): Promise<PublishedLedger> {
  const stream = createWriteStream(file, { flags: 'a' });
  await once(stream, 'open').catch((error: unknown) => {
    throw new Error(
      `Cannot write the ledger ${file} (${String(error)}). Name a file in a folder that can be written`,
    );
  });
  const ended = finished(stream);
  ended.catch(() => {});
  return {
    add({ id, body }) {
      const sha256 = bodyHashOf(body);
      stream.write(`${JSON.stringify({ id, sha256 })}\n`);
    },
    async close() {
      stream.end();
      await ended;
    },
  };
}

/** @throws Error that names the file, or the line of it that is no entry */
export async function readPublishedLedger(file: string): Promise<PublishedEntry[]> {
  const entries: PublishedEntry[] = [];
  for await (const entry of readJsonLines(createReadStream(file), file, entrySchema)) {
    entries.push(entry);
  }
  return entries;
}
