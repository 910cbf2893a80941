/** What failed: groups by class and reason, and what to do with each. */
import { useState } from 'preact/hooks';
import { useMay } from '../state/session.ts';
import { change, useStore } from '../state/store.ts';
import type { Group } from '../state/types.ts';
import { go } from '../state/go.ts';
import { useFormats, useWords } from '../words/words.ts';
import { useFrozen } from '../parts/frozen.ts';
import { Head } from '../parts/head.tsx';
import { Known, Section } from '../parts/section.tsx';
import { When } from '../parts/time.tsx';
import { Filters, isChosen, questionOf } from './filters.tsx';
import { Oldest } from './oldest.tsx';

/** As many as stand on one screen; the others on demand. */
const FIRST = 8;
const MORE = 100;

export const groupKey = ({ flow, class: kind, reason }: Group): string =>
  `${flow}/${kind}/${reason}`;

export function Failures() {
  const words = useWords();
  const { number } = useFormats();
  const tile = useStore(({ views }) => views.groups?.groups);
  const known = tile === undefined || tile.state === 'unknown' ? null : tile.value;
  const groups = known?.largest ?? [];
  return (
    <Section
      id="failures"
      title={words.failures.title}
      aside={known === null || known.all === 0 ? undefined : number(known.waiting)}
      tools={groups.length === 0 ? undefined : <Filters groups={groups} />}
    >
      <Known tile={tile}>
        {({ all, largest }) => <Groups all={largest} untold={all - largest.length} />}
      </Known>
    </Section>
  );
}

function Groups({ all, untold }: { all: readonly Group[]; untold: number }) {
  const words = useWords();
  const place = useStore((state) => state.place);
  const [shown, setShown] = useState(FIRST);
  const matching = all.filter((group) => isChosen(group, place));
  const { rows, isGone, waiting, hold } = useFrozen(matching, groupKey, questionOf(place));
  const columns = words.failures.columns;
  if (all.length === 0) return <p class="empty good">{words.failures.none}</p>;
  const left = untold > 0 && <p class="fresh">{words.failures.untold(untold)}</p>;
  if (rows.length === 0)
    return (
      <>
        <p class="empty">{words.failures.noneMatch}</p>
        {left}
      </>
    );
  const withFlow = new Set(all.map(({ flow }) => flow)).size > 1;
  return (
    <div class="scroll" {...hold}>
      <table class="groups">
        <Head
          columns={[
            [columns.class, 'class'],
            [columns.reason, 'wide'],
            [columns.count, 'num'],
            [columns.first, 'num late'],
            [columns.last, 'num late'],
            [columns.hour, 'num late'],
          ]}
          acts={columns.actions}
        />
        <tbody>
          {rows.slice(0, shown).map((group) => (
            <Row
              key={groupKey(group)}
              group={group}
              isGone={isGone(group)}
              withFlow={withFlow}
              isOpen={place.group === groupKey(group)}
            />
          ))}
        </tbody>
      </table>
      {rows.length > shown && (
        <button class="small more" onClick={() => setShown(shown + MORE)}>
          {words.failures.showMore(rows.length - shown)}
        </button>
      )}
      {left}
      {waiting > 0 && <p class="fresh">{words.newRows(waiting)}</p>}
    </div>
  );
}

interface RowProps {
  group: Group;
  isGone: boolean;
  withFlow: boolean;
  isOpen: boolean;
}

function Row({ group, isGone, withFlow, isOpen }: RowProps) {
  const words = useWords();
  const { number } = useFormats();
  const reason = group.reason === '' ? words.failures.noReason : group.reason;
  const notes = [
    ...(withFlow ? [group.flow] : []),
    ...(group.redriven > 0
      ? [`${words.failures.columns.redriven.toLowerCase()}: ${number(group.redriven)}`]
      : []),
    ...(group.finishedLater > 0 ? [words.failures.finishedLater(group.finishedLater)] : []),
    ...(group.letters > 0 ? [words.failures.letters(group.letters)] : []),
  ];
  return (
    <>
      <tr data-open={isOpen} data-gone={isGone}>
        <td class="class">{group.class}</td>
        <th scope="row" class="wide">
          <button
            class="row"
            data-row
            aria-expanded={isOpen}
            title={[reason, ...notes].join(' · ')}
            data-class={group.class}
            onClick={() => go({ group: isOpen ? null : groupKey(group) })}
          >
            <bdi>{reason}</bdi>
            {notes.length > 0 && <small class="beside"> {notes.join(' · ')}</small>}
          </button>
        </th>
        <td class="num strong">{number(group.waiting)}</td>
        <td class="num late">
          <When at={group.firstAt} />
        </td>
        <td class="num late">
          <When at={group.lastAt} />
        </td>
        <td class="num late">{number(group.lastHour)}</td>
        <td class="act">
          <Buttons group={group} title={words.failures.group(group.class, reason)} />
        </td>
      </tr>
      {isOpen && (
        <tr class="inner">
          <td colSpan={7}>
            <Oldest group={group} />
          </td>
        </tr>
      )}
    </>
  );
}

function Buttons({ group, title }: { group: Group; title: string }) {
  const words = useWords();
  const may = { redrive: useMay('redrive'), drop: useMay('drop') };
  const open = (kind: 'redrive' | 'drop') => () => {
    const { flow, class: of, reason, waiting } = group;
    change({
      dialog: { kind, choice: { flow, class: of, group: reason, ids: [] }, title, waiting },
    });
  };
  return (
    <div class="buttons">
      {may.redrive && group.letters < group.waiting && (
        <button
          class="small"
          aria-label={`${words.failures.redrive} ${title}`}
          onClick={open('redrive')}
        >
          {words.failures.redrive}
        </button>
      )}
      {may.drop && (
        <button
          class="small quiet"
          aria-label={`${words.failures.drop} ${title}`}
          onClick={open('drop')}
        >
          {words.failures.drop}
        </button>
      )}
    </div>
  );
}
