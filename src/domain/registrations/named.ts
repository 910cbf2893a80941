/** Which request an answer names. */
import { idIn } from '../path.ts';
import type { Answered, Contract } from './described.ts';
import { textOf, valueAtPointer } from './json-values.ts';

/** `trouble`: why there is none, where that is known. */
export function requestIdOf(
  contract: Contract,
  answer: Answered,
): { requestId: string | null; from: string; trouble: string | null } {
  const { submit, poll, isRequestId, requestIdWithin, prefix } = contract;
  const name = submit.requestIdHeader;
  const from = name === null ? `at "${submit.requestId}"` : `in the header ${name}`;
  const none = (trouble: string | null) => ({ requestId: null, from, trouble });
  let text =
    name === null ? textOf(valueAtPointer(answer.body, submit.requestId)) : headerOf(answer, name);
  if (text === undefined)
    return none(
      name === null ? (answer.trouble ?? 'no text and no whole number stands there') : NO_HEADER,
    );
  if (requestIdWithin !== null) {
    text = requestIdWithin(text) ?? undefined;
    if (text === undefined) return none('it is not as legacy.submit.requestIdWithin has it');
  } else if (name?.toLowerCase() === 'location') {
    const led = contract.pathOf(text, submit.path);
    if (led.path === null) return none(led.fault);
    text = idIn(prefix + poll.path, led.path) ?? undefined;
    if (text === undefined) return none('Location leads elsewhere than to legacy.poll.path');
  }
  return isRequestId(text)
    ? { requestId: text, from, trouble: null }
    : none('it is not as legacy.requestIdPattern has it');
}

export const NO_HEADER = 'there is none, or there are several that differ';

/** Undefined where there is none, and where there are several that differ. */
export const headerOf = ({ headers }: Answered, name: string): string | undefined => {
  const all = new Set([headers[name.toLowerCase()]].flat());
  return all.size === 1 ? [...all][0] : undefined;
};

/** By the request id as it was read from the answer to the POST, or as that was written there. */
export function whose(
  { poll, requestIdWithin }: Contract,
  body: unknown,
  requestId: string,
): 'ours' | 'another' | 'nobody' {
  if (poll.requestId === null) return 'ours';
  const value = valueAtPointer(body, poll.requestId) ?? null;
  if (value === null) return 'nobody';
  const text = textOf(value);
  const isOurs =
    text !== undefined && (text === requestId || requestIdWithin?.(text) === requestId);
  return isOurs ? 'ours' : 'another';
}
