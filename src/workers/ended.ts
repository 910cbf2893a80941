/** What a handler returned or threw, as the end of its call. */
import type { HandleAnswer } from '../domain/tasks.ts';
import type { Ended, Outgoing } from './call.ts';
import { isPermanent, isTemporary } from './errors.ts';
import type { Worker } from './worker.ts';

/** Result and messages to be published, as JSON: they are kept in the claim, and in a document of MongoDB with other things. */
const MOST_BYTES = 512 * 1024;
const MOST_CHARACTERS = 1_000;

const failed = (error: { class: string; reason: string }): Ended => ({
  ...{ kind: 'failed', failure: 'permanent' },
  ...error,
});

/** @param outgoing what it published besides */
export function returned(
  value: unknown,
  worker: Worker,
  key: string | null,
  outgoing: Outgoing[],
): Ended {
  let text: string | undefined;
  try {
    text = JSON.stringify(value);
  } catch (error) {
    const why = error instanceof Error ? error.message.split('\n', 1)[0] : '';
    return failed({ class: 'bad-result', reason: `the result is no JSON: ${why}` });
  }
  if (text === undefined && value !== undefined)
    return failed({ class: 'bad-result', reason: `the result is no JSON: a ${typeof value}` });
  const result: unknown = text === undefined ? undefined : JSON.parse(text);
  const own = worker.to === null || text === undefined ? [] : [worker.to];
  const all = [...own.map((channel) => ({ channel, key, message: result })), ...outgoing];
  const bytes = Buffer.byteLength(text ?? '') + Buffer.byteLength(JSON.stringify(outgoing));
  if (bytes > MOST_BYTES) {
    const reason = `the result, with what is published, is ${bytes} bytes of JSON, and at most ${MOST_BYTES} are kept`;
    return failed({ class: 'too-large', reason });
  }
  return { kind: 'done', ...(result === undefined ? {} : { result }), outgoing: all };
}

/** A word of the worker holds even when its time is over; any other error is then taken for what the end of its time has done. */
export function thrown(error: unknown, { hooks }: Worker, signal: AbortSignal): Ended {
  const what = { class: classOf(error), reason: reasonOf(error) };
  if (isPermanent(error)) return failed(what);
  // Whatever a handler makes of its abort: the process stops, and that is no attempt.
  if (signal.aborted && stopped(signal).kind === 'interrupted') return { kind: 'interrupted' };
  if (isTemporary(error)) return { kind: 'again', ...what, retryAfter: error.retryAfter };
  if (signal.aborted) return stopped(signal);
  return meaningOf(error, hooks) === 'permanent'
    ? failed(what)
    : { kind: 'again', ...what, retryAfter: null };
}

export const stopped = ({ reason }: AbortSignal): Ended =>
  reason instanceof Error && reason.name === 'TimeoutError'
    ? { kind: 'timeout', reason: 'its time was over before it was done' }
    : { kind: 'interrupted' };

/** A `classify` that throws has said nothing. */
function meaningOf(error: unknown, hooks: Worker['hooks']) {
  try {
    return hooks.classify?.(error);
  } catch {
    return undefined;
  }
}

function classOf(error: unknown): string {
  const name = isPermanent(error) || isTemporary(error) ? error.class : nameOf(error);
  return name.slice(0, 100);
}

const nameOf = (error: unknown): string => (error instanceof Error ? error.name : typeof error);

/** With its cause: `fetch failed` alone tells nobody anything. */
function reasonOf(error: unknown): string {
  const text = error instanceof Error ? error.message : String(error);
  const cause = error instanceof Error && error.cause instanceof Error ? error.cause.message : '';
  return `${text}${cause === '' ? '' : `: ${cause}`}`.slice(0, MOST_CHARACTERS);
}

/** What the run hears of it. */
export function answerOf(ended: Ended, index: number): HandleAnswer {
  switch (ended.kind) {
    case 'done':
      return { index, kind: ended.outgoing.length > 0 ? 'recorded' : 'done' };
    case 'again':
      return { index, kind: 'again', failure: 'exhausted', retryAfter: ended.retryAfter };
    case 'timeout':
      return { index, kind: 'again', failure: 'timeout', retryAfter: null };
    case 'failed':
      return { index, kind: 'failed', failure: ended.failure };
    case 'held':
      return { index, kind: 'held', retryAfter: ended.retryAfter };
    case 'interrupted':
    case 'crashed':
      return { index, kind: 'interrupted' };
  }
}
