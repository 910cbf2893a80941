/**
 * The hooks of a worker. They are told from what is recorded of a task, perhaps by another process than the one that handled it: so
 * they get an error of the same name and words, not the one that was thrown. There is none for a message that is no message of
 * the worker.
 */
import type { Call, Ended, Hook } from './call.ts';
import { taskOf, type Around } from './context.ts';
import { readMessage } from './message.ts';
import type { Worker } from './worker.ts';

/** The hook that is due after a call; null where there is none. The run alone knows when one that crashed has failed for good. */
export function hookAfter(ended: Ended, { isLastAttempt }: Call): Hook | null {
  const failed = isLastAttempt ? 'onError' : 'onRetry';
  switch (ended.kind) {
    case 'done':
      return { kind: 'onSuccess', ...('result' in ended ? { result: ended.result } : {}) };
    case 'again':
      return { kind: failed, class: ended.class, reason: ended.reason };
    case 'timeout':
      return { kind: failed, class: 'timeout', reason: ended.reason };
    case 'failed':
      return { kind: 'onError', class: ended.class, reason: ended.reason };
    case 'held':
    case 'interrupted':
    case 'crashed':
      return null;
  }
}

/** A hook that throws is told, and changes nothing. */
export async function runHook(
  worker: Worker,
  call: Call,
  hook: Hook,
  around: Around,
): Promise<void> {
  const { hooks, name } = worker;
  if (hooks[hook.kind] === undefined) return;
  try {
    const read = await readMessage(worker.work, call.body);
    if (read.kind !== 'read') return;
    const task = taskOf(name, call, around);
    if (hook.kind === 'onSuccess') await hooks.onSuccess?.(read.message, hook.result, task);
    else await hooks[hook.kind]?.(read.message, errorOf(hook), task);
  } catch (error) {
    const words = error instanceof Error ? `${error.name}: ${error.message}` : String(error);
    const facts = { worker: name, task: call.id, attempt: call.attempt, error: words };
    around.log.error(
      `The hook ${hook.kind} has thrown; the outcome of the task stays as it is`,
      facts,
    );
    around.increment('hook.error', 1);
  }
}

const errorOf = ({ class: name, reason }: { class: string; reason: string }): Error =>
  Object.defineProperty(new Error(reason), 'name', { value: name });
