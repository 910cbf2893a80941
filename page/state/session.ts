/** Who looks, and what they may do. */
import type { RouteName } from '../../src/page/routes.ts';
import { get, keepToken, post } from './api.ts';
import { followServer } from './live.ts';
import { takeToken } from './place.ts';
import { change, useStore } from './store.ts';
import type { Me, Session } from './types.ts';

let leave = (): void => {};

/** A link that is opened in a tab that has the page changes the address alone. */
export function followLinks(): void {
  addEventListener('hashchange', () => {
    const token = takeToken();
    if (token !== null) void signIn(token);
  });
}

/** With the token of the link, with the session of this tab, or as the proxy says. */
export async function begin(): Promise<void> {
  const token = takeToken();
  if (token !== null) return signIn(token);
  const answer = await get<Me>('me');
  if (answer.ok) return enter(answer.value);
  // A server that does not answer has not ended the session.
  if (answer.problem.status === 401) keepToken(null);
  change({
    signedIn: false,
    signInFault: answer.problem.status === 401 ? null : answer.problem.detail,
  });
}

/** @param name of whoever has a token that others have, too */
export async function signIn(token: string, name = ''): Promise<void> {
  const signInToken = token.trim();
  const asked = { token: signInToken, ...(name.trim() === '' ? {} : { name: name.trim() }) };
  const answer = await post<Session>('openSession', asked);
  if (!answer.ok)
    return change({ signedIn: false, signInFault: answer.problem.detail, signInToken });
  keepToken(answer.value.token);
  enter(answer.value.me);
}

function enter(me: Me): void {
  change({ signedIn: true, signInFault: null, signInToken: '', me });
  leave();
  leave = followServer(() => {
    keepToken(null);
    change({ signedIn: false, me: null, dialog: null, views: {}, heardAt: null });
  });
}

export const useMay = (name: RouteName): boolean =>
  useStore(({ me }) => me?.allowed.includes(name) === true);
