/** Goes to another place of the page: it stands in the address, and "back" leads back. */
import { hashOf, placeOf, type Place } from './place.ts';
import { change, now } from './store.ts';

/** @param isStep false for what is typed: each letter is no step */
export function go(part: Partial<Place>, isStep = true): void {
  const place = { ...now().place, ...part };
  if (isStep) history.pushState(null, '', hashOf(place));
  else history.replaceState(null, '', hashOf(place));
  change({ place });
}

export function followAddress(): void {
  const follow = (): void => change({ place: placeOf(location.hash) });
  addEventListener('popstate', follow);
  addEventListener('hashchange', follow);
}
