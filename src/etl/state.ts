/** What a run has beside its output, in a folder `<output>.etl`: what it is, how far it has come, and the input. */
import { createHash, randomBytes } from 'node:crypto';
import { mkdir, readFile, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { z } from 'zod';
import { synced, writeWhole } from '../runtime/durable.ts';

const stateSchema = z.object({
  run: z.string(),
  /** By which it runs, or has run at last; null: a person's. */
  order: z.string().nullable(),
  /** Hash of the input and of what makes other results of it: a run goes on with the same alone. */
  of: z.string(),
  phase: z.enum(['fetch', 'process', 'done']),
  seed: z.number(),
  validator: z.string().nullable(),
  /** ETag of the input, also one that says nothing of its bytes. */
  tag: z.string().nullable(),
  /** Of the last run with the same input and options that has finished. */
  last: z.object({ tag: z.string().nullable(), digest: z.string().nullable() }).nullable(),
  /** SHA-256 of what was received, hex. */
  digest: z.string().nullable(),
  items: z.number(),
  format: z.enum(['array', 'ndjson']),
  startedAt: z.string(),
  /** How long it was at work, over all processes, ms. */
  workedMs: z.number(),
  resumed: z.number(),
  /** How long attempts took (times.ts). */
  times: z.array(z.number()),
  /** The first element that no run of tasks has. */
  position: z.object({ index: z.number(), offset: z.number() }),
});
export type EtlState = z.infer<typeof stateSchema>;

export const hashOf = (...of: unknown[]): string =>
  createHash('sha256').update(JSON.stringify(of)).digest('hex');

/** Sorts by time, and says when it began. */
function newRunId(now: Date): string {
  const time = now.toISOString().slice(0, 19).replace(/[-:]/g, '').replace('T', '-');
  return `${time}-${randomBytes(3).toString('hex')}`;
}

export const newState = (
  of: string,
  seed: number,
  last: EtlState['last'],
  now = new Date(),
): EtlState => ({
  run: newRunId(now),
  order: null,
  ...{
    of,
    seed,
    phase: 'fetch',
    validator: null,
    tag: null,
    last,
    digest: null,
    items: 0,
    format: 'array',
  },
  ...{ startedAt: now.toISOString(), workedMs: 0, resumed: 0, times: [] },
  position: { index: 0, offset: 0 },
});

export type StateFolder = Awaited<ReturnType<typeof openStateFolder>>;

export async function openStateFolder(output: string) {
  const folder = `${output}.etl`;
  await mkdir(folder, { recursive: true });
  const at = (name: string): string => join(folder, name);
  const replace = async (name: string, content: object): Promise<void> => {
    await writeWhole(at(name), `${JSON.stringify(content, null, 2)}\n`, at(`${name}.next`));
    await synced(folder);
  };
  async function readAs<S extends z.ZodType>(schema: S, name: string): Promise<z.infer<S> | null> {
    const text = await readFile(at(name), 'utf8').catch(() => '');
    try {
      return schema.safeParse(JSON.parse(text)).data ?? null;
    } catch {
      return null;
    }
  }
  return {
    lockFile: at('lock'),
    /** As it was received. */
    received: at('received'),
    input: at('input'),
    /** Working files of what is shown elsewhere. */
    output: at('output'),
    errors: at('errors'),
    ledger: at('published'),
    /** Null where there was none that can be gone on with. */
    read: (): Promise<EtlState | null> => readAs(stateSchema, 'run.json'),
    /** Null where none can be read. */
    readSummary: <S extends z.ZodType>(schema: S) => readAs(schema, 'summary.json'),
    write: (state: EtlState): Promise<void> => replace('run.json', state),
    writeSummary: (summary: object): Promise<void> => replace('summary.json', summary),
    /** Everything but what it is and how it ended. */
    async clear(): Promise<void> {
      for (const name of ['received', 'input', 'output', 'errors', 'output.next', 'errors.next'])
        await rm(at(name), { force: true });
    },
  };
}
