/** Claims come with their messages, and a lane may have a thousand: they are read a few MiB at once. */
import type { TaskClaim, TaskClaims } from '../../src/tasks/claims.ts';
import { readInTime } from '../fence.ts';

/** While nobody knows how large they are. */
const FEW = 32;
const MOST = 250;
const MOST_BYTES = 4 * 1024 * 1024;

/** @param size of a batch, which is not divided */
export async function* inHandfuls<R extends { claim: string }>(
  claims: Pick<TaskClaims, 'find'>,
  requests: readonly R[],
  size = 1,
): AsyncGenerator<{ some: R[]; found: ReadonlyMap<string, TaskClaim> }> {
  let count = FEW;
  for (let at = 0; at < requests.length;) {
    const some = requests.slice(at, at + Math.max(1, Math.floor(count / size)) * size);
    const found = await readInTime(() => claims.find(some.map(({ claim }) => claim)));
    yield { some, found };
    at += some.length;
    const bytes = [...found.values()].reduce((sum, claim) => sum + bytesOf(claim), 1);
    count = Math.min(MOST, Math.floor((MOST_BYTES * some.length) / bytes));
  }
}

const bytesOf = ({ message, result, outgoing }: TaskClaim): number =>
  (message === null ? 0 : message.body.length() + message.properties.length) +
  (result?.length ?? 0) +
  (outgoing?.length ?? 0);
