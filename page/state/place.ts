/**
 * Where in the page one is, as the part of the address behind "#": it can be sent to a colleague, and never reaches a server or its log.
 */
export interface Place {
  /** Whose timeline is open. */
  item: string | null;
  /** Of failures: whose, of which class, and what the reason must have in it. */
  flow: string | null;
  class: string | null;
  reason: string | null;
  /** The group that is open, as `flow/class/reason`. */
  group: string | null;
}

const NAMES = ['item', 'flow', 'class', 'reason', 'group'] as const satisfies (keyof Place)[];

export function placeOf(hash: string): Place {
  const given = new URLSearchParams(hash.replace(/^#/, ''));
  const part = (name: keyof Place): string | null => given.get(name) || null;
  return {
    item: part('item'),
    flow: part('flow'),
    class: part('class'),
    reason: part('reason'),
    group: part('group'),
  };
}

export function hashOf(place: Place): string {
  const told = new URLSearchParams();
  for (const name of NAMES) {
    const value = place[name];
    if (value !== null && value !== '') told.set(name, value);
  }
  return `#${told.toString()}`;
}

/** The token of the link that the terminal printed; it leaves the address, and the history, at once. */
export function takeToken(): string | null {
  const given = new URLSearchParams(location.hash.slice(1));
  const token = given.get('token');
  if (token === null) return null;
  given.delete('token');
  history.replaceState(null, '', `${location.pathname}${location.search}#${given.toString()}`);
  return token;
}
