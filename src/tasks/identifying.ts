/** Reads the ids and keys of messages by the code of a worker, which may hang or end its process. */
import { z } from 'zod';
import type { Call, Caller, Ended } from '../workers/call.ts';
import type { Identity } from '../workers/identity.ts';
import type { Identify } from './delivery.ts';

interface Waiting {
  call: Call;
  resolve: (identity: Identity) => void;
  reject: (why: unknown) => void;
}

const MOST_AT_ONCE = 250;
const identity = z.object({ id: z.string().nullable(), key: z.string().nullable() });

/** In the order of the calls. Where one of several hangs, or ends the process, each is read alone, so that it is told from the others. */
export function identifyingBy(caller: Pick<Caller, 'call' | 'callBatch'>): Identify {
  const waiting: Waiting[] = [];
  let isReading = false;

  async function readAll(): Promise<void> {
    isReading = true;
    while (waiting.length > 0) {
      const some = waiting.splice(0, MOST_AT_ONCE);
      const ends = await caller.callBatch(some.map(({ call }) => call));
      for (const [n, each] of some.entries()) settle(each, await endOf(each, ends[n]));
    }
    isReading = false;
  }

  const endOf = async ({ call }: Waiting, end: Ended | undefined): Promise<Ended> =>
    end?.kind === 'done' || end?.kind === 'failed' ? end : caller.call(call);

  function settle({ resolve, reject }: Waiting, end: Ended): void {
    const read = identity.safeParse(end.kind === 'done' ? end.result : null);
    if (read.success) resolve(read.data);
    else reject(new Error('reason' in end ? end.reason : end.kind));
  }

  return (body) =>
    new Promise((resolve, reject) => {
      const call = {
        ...{ id: '', attempt: 1, isLastAttempt: true, key: null, headers: {}, receivedAt: 0 },
        body: body.toString('base64'),
      };
      waiting.push({ call, resolve, reject });
      if (!isReading) void readAll();
    });
}
