/** Reads the ids and keys of messages by the code of a worker, which may hang or end its process. */
import type { Caller } from '../workers/call.ts';
import type { Identity } from '../workers/identity.ts';
import type { Identify } from './delivery.ts';

const isText = (value: unknown): boolean => value === null || typeof value === 'string';

const isIdentity = (value: unknown): value is Identity =>
  typeof value === 'object' &&
  value !== null &&
  'id' in value &&
  'key' in value &&
  isText(value.id) &&
  isText(value.key);

/** @param caller one that makes one call at a time: so a message that hangs holds up the others, and is not taken for one of them */
export function identifyingBy(caller: Pick<Caller, 'call'>): Identify {
  return async (body) => {
    const call = {
      ...{ id: '', attempt: 1, isLastAttempt: true, key: null, headers: {}, receivedAt: 0 },
      body: body.toString('base64'),
    };
    let end = await caller.call(call);
    // Something else has perhaps ended the process.
    if (end.kind === 'crashed') end = await caller.call(call);
    if (end.kind === 'done' && isIdentity(end.result)) return end.result;
    throw new Error('reason' in end ? end.reason : end.kind);
  };
}
