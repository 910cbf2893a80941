/** Handles elements: reads each, and has it processed when it is its turn. What is no resource takes nobody's turn. */
import { setTimeout as delay } from 'node:timers/promises';
import type { Call, Caller, Ended } from '../workers/call.ts';
import { readElement } from './element.ts';
import type { Resource } from './resource.ts';
import { createTurns } from './turns.ts';

/** What becomes of a resource. Never throws. */
export type Process = (resource: Resource, call: Call, signal: AbortSignal) => Promise<Ended>;

/** The result in a claim: what goes to the output, and pointers to what was of another type. */
export interface Kept {
  value: unknown;
  coerced?: string[];
}

export interface CallerNeeds {
  workers: number;
  strict: boolean;
  process: Process;
  /** Ends what `process` uses. */
  stop: (finishWithinMs: number) => Promise<void>;
  /** Is told of each element once its end is written down. */
  done(call: Call, result: unknown): void;
  failed(call: Call, own: string, reason: string): void;
}

export function createEtlCaller(needs: CallerNeeds): Caller {
  const { workers, strict } = needs;
  const turns = createTurns(workers);
  const stopping = new AbortController();

  async function call(given: Call): Promise<Ended> {
    const body = Buffer.from(given.body, 'base64');
    const read = readElement(body, strict, tooLargeIn(given));
    if (!read.ok) {
      const own = 'isTooLarge' in read ? 'too-large' : 'invalid';
      return { kind: 'failed', failure: 'malformed', class: own, reason: read.errors.join('\n') };
    }
    const { resource, coerced } = read;
    const ended = await turns.take(given.attempt, () =>
      needs.process(resource, given, stopping.signal),
    );
    if (ended === null) return { kind: 'interrupted' };
    if (ended.kind !== 'done') return ended;
    const kept: Kept = { value: ended.result ?? resource };
    if (coerced.length > 0) kept.coerced = coerced;
    return { ...ended, result: kept };
  }

  return {
    call,
    callBatch: (calls) => Promise.all(calls.map(call)),
    cancel() {},
    tell(given, hook) {
      if (hook.kind === 'onSuccess') needs.done(given, hook.result);
      else if (hook.kind === 'onError') needs.failed(given, hook.class, hook.reason);
    },
    async stop(finishWithinMs) {
      const idle = turns.close();
      const late = new AbortController();
      await Promise.race([
        idle,
        delay(finishWithinMs, undefined, { signal: late.signal }).catch(() => {}),
      ]);
      stopping.abort(new Error('stopping'));
      await idle;
      late.abort();
      await needs.stop(0);
    },
  };
}

const tooLargeIn = ({ headers }: Call): number | null =>
  headers['size'] === undefined ? null : Number(headers['size']);
