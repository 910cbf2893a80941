/** The legacy system's own ledger, if it keeps one as the simulator does: JSON lines, of which "accepted" is read. */
import { createReadStream } from 'node:fs';
import { z } from 'zod';
import type { Config } from '../config/schema.ts';
import type { AuditFiling } from '../domain/audit/audit-account.ts';
import { createHttpClient } from '../outbound/client.ts';
import { maskUrl } from '../runtime/mask.ts';
import { readJsonLines } from './lines.ts';

const acceptedLine = z.object({
  event: z.literal('accepted'),
  id: z.string(),
  idempotencyKey: z.string().nullish(),
  /** Epoch ms: when it was accepted, and when it was done. */
  at: z.number().nullish(),
  doneAt: z.number().nullish(),
});
const lineSchema = z.union([
  acceptedLine,
  z.object({ event: z.string().refine((event) => event !== 'accepted') }),
]);

export type Accepted = z.infer<typeof acceptedLine>;

/** @throws Error that names the file, or the line of it that is no entry */
export const readFilings = async (file: string): Promise<AuditFiling[]> =>
  (await acceptedIn(createReadStream(file), file)).map(filingOf);

export const fetchFilings = async (config: Config): Promise<AuditFiling[] | null> =>
  (await fetchAccepted(config))?.map(filingOf) ?? null;

const filingOf = ({ id, idempotencyKey }: Accepted): AuditFiling => ({
  registration: id,
  key: idempotencyKey ?? null,
});

const SILENT_MS = 5_000;
const WHOLE_MS = 5 * 60_000;
const LARGEST_BYTES = 1024 ** 3;

/**
 * What `GET <LEGACY_URL>/ledger` has; null when there is no such thing, as with any real system, or nobody answers.
 * @throws Error when there is one that cannot be read to its end: a part of it would prove nothing
 */
export async function fetchAccepted({
  legacyUrl,
  legacyProxy,
  legacy,
}: Config): Promise<Accepted[] | null> {
  const http = createHttpClient({
    baseUrl: legacyUrl,
    authorization: null,
    tls: legacy.tls,
    proxy: legacyProxy,
    timeoutMs: WHOLE_MS,
    silentMs: SILENT_MS,
    maxBytes: LARGEST_BYTES,
  });
  try {
    const answer = await http.send({ method: 'GET', path: '/ledger' });
    const head = answer.kind === 'answer' ? answer : answer.head;
    const isLedger = String(head?.headers['content-type']).startsWith('application/x-ndjson');
    if (head?.status !== 200 || !isLedger) return null;
    const name = maskUrl(`${legacyUrl}/ledger`);
    if (answer.kind === 'none') throw new Error(`${name} ended too early: ${answer.reason}`);
    return await acceptedIn([answer.body], name);
  } finally {
    await http.close();
  }
}

async function acceptedIn(
  chunks: AsyncIterable<Buffer> | Iterable<Buffer>,
  name: string,
): Promise<Accepted[]> {
  const accepted: Accepted[] = [];
  for await (const entry of readJsonLines(chunks, name, lineSchema)) {
    if ('id' in entry) accepted.push(entry);
  }
  return accepted;
}
