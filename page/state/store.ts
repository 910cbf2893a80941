/** The state of the page: one value, replaced as a whole, and read by parts that are drawn again when theirs has changed. */
import { useEffect, useState } from 'preact/hooks';
import type { Dialog } from './dialog.ts';
import { placeOf, type Place } from './place.ts';
import { readPreferences, type Preferences } from './preferences.ts';
import type { Me, Views } from './types.ts';

export type Link =
  | { state: 'connecting' }
  | { state: 'open' }
  /** `why`: in the words of whoever refused, or null where nobody answers. */
  | { state: 'lost'; why: string | null }
  /** Nobody looks: nothing is asked for. */
  | { state: 'hidden' };

export interface State {
  /** `null` until it is known. */
  signedIn: boolean | null;
  /** Why signing in failed, and with which token: it may lack no more than a name. */
  signInFault: string | null;
  signInToken: string;
  me: Me | null;
  link: Link;
  views: Partial<Views>;
  /** When the last overview came, and by how much the server's clock is ahead of ours, ms. */
  heardAt: number | null;
  ahead: number;
  place: Place;
  preferences: Preferences;
  dialog: Dialog | null;
  /** The last action, for everybody who listens. */
  said: string;
}

let state: State = {
  signedIn: null,
  signInFault: null,
  signInToken: '',
  me: null,
  link: { state: 'connecting' },
  views: {},
  heardAt: null,
  ahead: 0,
  place: placeOf(location.hash),
  preferences: readPreferences(),
  dialog: null,
  said: '',
};
const listeners = new Set<() => void>();

export const now = (): State => state;

export function change(part: Partial<State>): void {
  state = { ...state, ...part };
  for (const listener of listeners) listener();
}

/** Draws again only when what `choose` returns is another value. */
export function useStore<T>(choose: (state: State) => T): T {
  const [, redraw] = useState(0);
  const chosen = choose(state);
  useEffect(() => {
    let last = chosen;
    const listener = (): void => {
      const next = choose(state);
      if (Object.is(next, last)) return;
      last = next;
      redraw((count) => count + 1);
    };
    listeners.add(listener);
    listener();
    return () => void listeners.delete(listener);
  });
  return chosen;
}

export function keepView<Name extends keyof Views>(name: Name, view: Views[Name]): void {
  change({ views: { ...state.views, [name]: view } });
}
