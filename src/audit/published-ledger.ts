/**
 * The first ledger of an audit: what the broker confirmed, one JSON line each: `{"id": "reg-1", "sha256": "…"}`. Its first line
 * says which system it belongs to; one that another team writes may go without.
 */
import { once } from 'node:events';
import { createReadStream, createWriteStream, existsSync, statSync } from 'node:fs';
import { open } from 'node:fs/promises';
import { finished } from 'node:stream/promises';
import { z } from 'zod';
import { bodyHashOf } from '../broker/body-hash.ts';
import { readJsonLines } from './lines.ts';
import { headOf, isSameSystem, systemSchema, systemText, type SystemName } from './system-name.ts';

const entrySchema = z.object({
  id: z.string().nullable(),
  sha256: z.string().regex(/^[0-9a-f]{64}$/),
});

const lineSchema = z.union([entrySchema, systemSchema]);

/** `id` is null where the message had none; `sha256` is of the raw bytes, hex. */
export type PublishedEntry = z.infer<typeof entrySchema>;

/**
 * Appends to a file, which is created when absent. One that names no system is taken as it is.
 * @param system written as a line of its own where the file is new, or was written by another address of the broker; null writes none
 * @throws Error that names the file when it cannot be opened, or is of another system
 */
export async function openPublishedLedger(file: string, system: SystemName | null = null) {
  const isNew = !existsSync(file) || statSync(file).size === 0;
  const head = systemSchema.safeParse(headOf(file)).data;
  if (system !== null && head !== undefined && !isSameSystem(head, system)) {
    throw new Error(
      `The ledger ${file} belongs to the ${systemText(head)}, and this is the ${systemText(system)}. Name another file`,
    );
  }
  const stream = createWriteStream(file, { flags: 'a' });
  await once(stream, 'open').catch((error: unknown) => {
    throw new Error(
      `Cannot write the ledger ${file} (${String(error)}). Name a file in a folder that can be written`,
    );
  });
  if (!isNew) await mendEnd(file);
  const ended = finished(stream);
  ended.catch(() => {});
  const isElsewhere = head !== undefined && head.broker !== system?.broker;
  if (system !== null && (isNew || isElsewhere)) stream.write(`${JSON.stringify(system)}\n`);
  return {
    add({ id, body }: { id: string | null; body: Buffer }): void {
      stream.write(`${JSON.stringify({ id, sha256: bodyHashOf(body) })}\n`);
    },
    /** Resolves when everything is in the file. @throws Error when something could not be written */
    async close(): Promise<void> {
      stream.end();
      await ended;
    },
  };
}

const LONGEST_LINE = 1024 * 1024;

/** Whoever wrote it may have been killed within its last line, and the next one would be a part of that. */
async function mendEnd(file: string): Promise<void> {
  const ledger = await open(file, 'r+');
  try {
    const { size } = await ledger.stat();
    const from = Math.max(0, size - LONGEST_LINE);
    const { buffer, bytesRead } = await ledger.read(
      Buffer.alloc(size - from),
      0,
      size - from,
      from,
    );
    const last = buffer.subarray(buffer.lastIndexOf('\n') + 1, bytesRead);
    if (last.length === 0) return;
    const whole = await Array.fromAsync(readJsonLines([last], file, lineSchema));
    if (whole.length > 0) await ledger.write('\n', size);
    else await ledger.truncate(size - last.length);
  } finally {
    await ledger.close();
  }
}

/** It names no system, one, or more where files were put together. @throws Error that names the file, or a line that is no entry */
export async function readPublishedLedger(file: string) {
  const systems: SystemName[] = [];
  const entries: PublishedEntry[] = [];
  for await (const line of readJsonLines(createReadStream(file), file, lineSchema)) {
    if ('system' in line) systems.push(line);
    else entries.push(line);
  }
  return { systems, entries };
}
