/** Items by whatever an operator has of them: an id, a request id, a workflow id, the name of a record. */
import { claimOfEntry, readClaimKey, TASKS_TYPE, WORKFLOW_TYPE } from '../domain/names.ts';
import type { Store } from '../registrations/store.ts';
import { openTaskClaims, type TaskClaim } from '../tasks/claims.ts';
import { ofItem } from '../claims/claims.ts';

const CLAIM_OF_RECORD = /^(.*~\d+(?:![0-9a-f]{16})?):[a-z-]+$/s;

/** `registrations/ana-1+99/4f1c…`: the first of its items. */
const RUN = new RegExp(`^(?:${WORKFLOW_TYPE}|${TASKS_TYPE})/(.+?)(?:\\+\\d+)?/[^/]+$`, 's');

/** Other names that a registration may go by, resolved to its id; the text itself first. */
export async function idsMeant(text: string, { journal }: Store): Promise<string[]> {
  const entries = await journal.acceptedUnder([text]);
  const claims = [
    ...entries.map(({ entry }) => claimOfEntry(entry)),
    CLAIM_OF_RECORD.exec(text)?.[1],
  ];
  const ids = claims.flatMap((claim) => readClaimKey(claim ?? '')?.id ?? []);
  return [...new Set([text, ...ids, ...[RUN.exec(text)?.[1] ?? []].flat()])];
}

/** Tasks of that id, of any of these workers, all generations of each. @throws what MongoDB throws */
export async function findTasks(
  id: string,
  workers: readonly string[],
  store: Pick<Store, 'own'>,
): Promise<Map<string, Omit<TaskClaim, 'message'>[]>> {
  const { collection } = openTaskClaims(store.own);
  const found = await Promise.all(
    workers.map(async (worker) => {
      const claims = await collection
        .find(ofItem(`${worker}/${id}`), { projection: { message: 0 } })
        .toArray();
      return [worker, claims.sort((a, b) => a.generation - b.generation)] as const;
    }),
  );
  return new Map(found.filter(([, claims]) => claims.length > 0));
}
