/** The legacy system's own ledger, if it keeps one as the simulator does: JSON lines, of which "accepted" is read. */
import { createReadStream } from 'node:fs';
import { Agent, request } from 'undici';
import { z } from 'zod';
import type { Config } from '../config/schema.ts';
import { readJsonLines } from './json-lines.ts';
import { maskUrl } from '../runtime/mask.ts';
import { readTls } from '../net/tls.ts';
import type { AuditFiling } from '../domain/audit/audit-account.ts';

const lineSchema = z.union([
  z.object({ event: z.literal('accepted'), id: z.string(), idempotencyKey: z.string().nullish() }),
  z.object({ event: z.string().refine((event) => event !== 'accepted') }),
]);

/** @throws Error that names the file, or the line of it that is no entry */
export const readFilings = (file: string): Promise<AuditFiling[]> =>
  filingsIn(createReadStream(file), file);

const ANSWER_MS = 5_000;

/**
 * What `GET <LEGACY_URL>/ledger` has; null when there is no such thing, as with any real system, or nobody answers.
 * @throws Error when there is one that cannot be read to its end: a part of it would prove nothing
 */
export async function fetchFilings({ legacyUrl, legacy }: Config): Promise<AuditFiling[] | null> {
  const address = `${legacyUrl}/ledger`;
  const dispatcher = new Agent({
    connect: readTls(legacy.tls),
    headersTimeout: ANSWER_MS,
    bodyTimeout: ANSWER_MS,
  });
  try {
    const answer = await request(address, { dispatcher }).catch(() => null);
    if (answer === null) return null;
    const isLedger = String(answer.headers['content-type']).startsWith('application/x-ndjson');
    if (answer.statusCode === 200 && isLedger)
      return await filingsIn(answer.body, maskUrl(address));
    await answer.body.dump().catch(() => {});
    return null;
  } finally {
    await dispatcher.destroy();
  }
}

async function filingsIn(chunks: AsyncIterable<Buffer>, name: string): Promise<AuditFiling[]> {
  const filings: AuditFiling[] = [];
  for await (const entry of readJsonLines(chunks, name, lineSchema)) {
    if (!('id' in entry)) continue;
    filings.push({ registration: entry.id, key: entry.idempotencyKey ?? null });
  }
  return filings;
}
