/** A ledger's JSON lines, checked against what each must be. */
import type { z } from 'zod';
import { lines } from './lines.ts';

/**
 * The entries of a stream of JSON lines. The last line may be torn, since whoever writes a ledger can be killed: it is
 * left out when it has no end and cannot be read.
 * @param name of the file or address, for the error
 * @throws Error that names the first line that is no entry
 */
export async function* readJsonLines<Schema extends z.ZodType>(
  chunks: AsyncIterable<Buffer> | Iterable<Buffer>,
  name: string,
  schema: Schema,
): AsyncGenerator<z.infer<Schema>> {
  for await (const { number, bytes, isEnded } of lines(chunks)) {
    const entry = schema.safeParse(parse(bytes.toString()));
    if (entry.success) yield entry.data;
    else if (isEnded)
      throw new Error(`${name}:${number}: not an entry of such a ledger. Name another file`);
  }
}

function parse(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}
