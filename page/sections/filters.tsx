/** Which groups are shown; it stands in the address. */
import { go } from '../state/go.ts';
import type { Place } from '../state/place.ts';
import { useStore } from '../state/store.ts';
import type { Group } from '../state/types.ts';
import { useWords } from '../words/words.ts';

/** Fewer are seen at a glance. */
const WORTH = 3;

export const isChosen = (group: Group, { flow, class: kind, reason }: Place): boolean =>
  (flow === null || group.flow === flow) &&
  (kind === null || group.class === kind) &&
  (reason === null || group.reason.toLowerCase().includes(reason.toLowerCase()));

export const questionOf = ({ flow, class: kind, reason }: Place): string =>
  JSON.stringify([flow, kind, reason]);

export function Filters({ groups }: { groups: readonly Group[] }) {
  const words = useWords();
  const place = useStore((state) => state.place);
  const isFiltered = place.flow !== null || place.class !== null || place.reason !== null;
  if (groups.length < WORTH && !isFiltered) return null;
  const of = (name: 'flow' | 'class'): string[] =>
    [
      ...new Set([
        ...groups.map((group) => group[name]),
        ...(place[name] === null ? [] : [place[name]]),
      ]),
    ].sort();
  const choice = (name: 'flow' | 'class', all: string, label: string) => {
    const values = of(name);
    if (values.length < 2 && place[name] === null) return null;
    return (
      <select
        aria-label={label}
        value={place[name] ?? ''}
        onChange={(event) => go({ [name]: event.currentTarget.value || null })}
      >
        <option value="">{all}</option>
        {values.map((value) => (
          <option key={value} value={value}>
            {value}
          </option>
        ))}
      </select>
    );
  };
  return (
    <>
      {choice('flow', words.failures.allFlows, words.failures.columns.flow)}
      {choice('class', words.failures.allClasses, words.failures.columns.class)}
      <input
        type="search"
        aria-label={words.failures.filter}
        placeholder={words.failures.filter}
        value={place.reason ?? ''}
        onInput={(event) => go({ reason: event.currentTarget.value || null }, false)}
      />
    </>
  );
}
