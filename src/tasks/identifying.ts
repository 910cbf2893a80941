/** Reads the ids and keys of messages by the code of a worker, which may hang or end its process. */
import { setTimeout as delay } from 'node:timers/promises';
import { z } from 'zod';
import { restBefore } from '../domain/backoff.ts';
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

/** Of the process that reads, with one message alone in it: whatever kills it may have nothing to do with that message. */
const MOST_DEATHS = 5;
const RESTS = { kind: 'exponential', initial: 200, longest: 2_000 } as const;

/**
 * In the order of the calls. Where one of several hangs, or ends the process, each is read alone, so that it is told from the others.
 * @param isStopping then what was not read stays unanswered
 */
export function identifyingBy(
  caller: Pick<Caller, 'call' | 'callBatch'>,
  isStopping: () => boolean,
): Identify {
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

  async function endOf({ call }: Waiting, first: Ended | undefined): Promise<Ended> {
    if (first?.kind === 'done' || first?.kind === 'failed') return first;
    for (let deaths = 0, asked = 1; ; asked += 1) {
      const end = await caller.call(call);
      if (isStopping()) return { kind: 'interrupted' };
      if (end.kind === 'crashed') deaths += 1;
      else if (end.kind !== 'interrupted') return end;
      if (deaths === MOST_DEATHS) return end;
      await delay(restBefore(RESTS, asked));
    }
  }

  function settle({ resolve, reject }: Waiting, end: Ended): void {
    if (end.kind === 'interrupted') return;
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
