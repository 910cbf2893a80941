/** Something that a person does: sent once however often the button is pressed, and told when it is done. */
import { useRef, useState } from 'preact/hooks';
import type { RouteName } from '../../src/page/routes.ts';
import { newKey, post } from '../state/api.ts';
import { change } from '../state/store.ts';
import type { Problem } from '../state/types.ts';

export interface Act {
  isBusy: boolean;
  problem: Problem | null;
  /** Closes the dialog and tells what came of it, unless `keep` takes the answer. */
  send: <T>(
    name: RouteName,
    body: object,
    options?: { ifMatch?: string | undefined; keep?: (value: T) => void },
  ) => Promise<void>;
}

export const closeDialog = (): void => change({ dialog: null });

export function useAct(): Act {
  const [isBusy, setBusy] = useState(false);
  const [problem, setProblem] = useState<Problem | null>(null);
  const intention = useRef({ text: '', key: '' });
  const send: Act['send'] = async (name, body, { ifMatch, keep } = {}) => {
    if (isBusy) return;
    const text = JSON.stringify([name, body]);
    // Another key only for something else, and after an answer: without one it may have been done.
    if (intention.current.text !== text) intention.current = { text, key: newKey() };
    setBusy(true);
    setProblem(null);
    const answer = await post<never>(name, body, { key: intention.current.key, ifMatch });
    setBusy(false);
    if (answer.ok || isRefusal(answer.problem)) intention.current = { text: '', key: '' };
    if (!answer.ok) return setProblem(answer.problem);
    if (keep !== undefined) return keep(answer.value);
    change({ dialog: null, said: saidBy(answer.value) });
  };
  return { isBusy, problem, send };
}

/** Else a server, or a proxy before it, does not know whether it was done. */
export const isRefusal = ({ status }: Problem): boolean => status >= 400 && status < 500;

/** The server's own words for what it has done; none for what goes on. */
const saidBy = (value: unknown): string =>
  typeof value === 'object' && value !== null && 'text' in value && typeof value.text === 'string'
    ? value.text
    : '';
